"""Run by third_party.py in the environment of Maton's SDK: connections from their creation to their end.

python third_party_maton.py URL KEY     (prints one line of JSON for each call)
"""

import json
import sys
from itertools import chain

from maton_ai import Maton
from maton_ai.exceptions import AccessDeniedError

APP = "active-campaign"


def calls(maton):
    """Yield the name of each call, and whether it answered as it should."""
    before = maton.connections.list(app=APP)["connections"]
    yield "connection.list", bool(before)
    made = maton.connections.create(app=APP)["connection"]
    yield "connection.create", made["status"] == "PENDING" and made["url"].startswith("http")
    found = maton.connections.get(made["connection_id"])["connection"]
    yield "connection.get", found == made
    pending = maton.connections.list(app=APP, status="PENDING", method="OAUTH2", limit=30)["connections"]
    yield "connection.list, filtered", made in pending and all(row["status"] == "PENDING" for row in pending)
    maton.connections.delete(made["connection_id"])
    yield "connection.delete", maton.connections.list(app=APP)["connections"] == before


def refused(url):
    """Whether a wrong key is refused in the words of the sandbox."""
    try:
        Maton(api_key="wrong", base_url=url, telemetry=False).connections.list()
    except AccessDeniedError as error:
        return "Invalid API key" in str(error)
    return False


def main(url, key):
    maton = Maton(api_key=key, base_url=url, telemetry=False)
    try:
        for name, well in chain(calls(maton), [("a wrong key", refused(url))]):
            print(json.dumps({"call": name, "problem": "" if well else "another answer than expected"}), flush=True)
    except Exception as error:
        print(json.dumps({"call": "next", "problem": f"{type(error).__name__}: {error}"}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
