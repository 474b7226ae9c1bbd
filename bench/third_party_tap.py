"""Run by third_party.py in the tap's environment: extract every stream, and check each row by the stream's schema.

    python third_party_tap.py URL KEY       (prints one line of JSON for each stream)

Only the tap's check that the host is a public one with https is replaced.
"""

import contextlib
import io
import json
import logging
import sys

import jsonschema
import tap_activecampaign.client as client
from tap_activecampaign.discover import discover
from tap_activecampaign.streams import STREAMS, SUB_STREAMS
from tap_activecampaign.sync import sync

PARENTS = {child: parent for parent, child in SUB_STREAMS.items()}
SINCE = {"start_date": "2000-01-01T00:00:00Z"}


def catalog_of(stream):
    """The tap's own catalog, with one stream selected, and the stream that it is read through."""
    catalog = discover()
    for entry in catalog.streams:
        for part in entry.metadata:
            part["metadata"]["selected"] = entry.stream in (stream, PARENTS.get(stream))
    return catalog


def extracted(connected, stream):
    """What the tap writes for a stream, and the error that stopped it."""
    written, problem = io.StringIO(), ""
    with contextlib.redirect_stdout(written):
        try:
            sync(connected, SINCE, catalog_of(stream), {})
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
    messages = [json.loads(line) for line in written.getvalue().splitlines()]
    return [message for message in messages if message.get("stream") == stream], problem


def checked(messages, problem):
    schemas = [message["schema"] for message in messages if message["type"] == "SCHEMA"]
    rows = [message["record"] for message in messages if message["type"] == "RECORD"]
    if not schemas:
        return {"rows": len(rows), "problem": problem or "no schema was written"}
    validator = jsonschema.Draft4Validator(schemas[0], format_checker=jsonschema.FormatChecker())
    wrong = [f"{list(error.path)} {error.message[:120]}" for row in rows for error in validator.iter_errors(row)]
    return {"rows": len(rows), "problem": problem or (wrong[0] if wrong else "")}


def main(url, key):
    client.is_api_url_valid = lambda address: True
    logging.disable(logging.CRITICAL)
    with client.ActiveCampaignClient(url, key, "bench") as connected:
        for stream in STREAMS:
            print(json.dumps({"stream": stream, **checked(*extracted(connected, stream))}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
