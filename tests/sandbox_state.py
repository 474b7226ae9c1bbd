"""Everything a sandbox holds, so that before and after can be compared."""

import json
import re
from collections import Counter
from functools import cache
from typing import Any

from ac_mcp.sandbox import Sandbox

VOLATILE = re.compile(
    r"^(id|hash|seen|.*date.*|.*time.*|.*tstamp.*|.*stamp|.*_at|.*by|perstag|ip4.*|ip|ua|token|connection_id|gravatar|"
    r"subscriber_count|counters|best_send_hour|sourceid|sentcnt|activitycount|deleted|links|sync|responder|user|userid|order|dealOrder|stringid|originalValue)$"
)
"""Ids, timestamps, counters, and who did it: what no undo can bring back."""
WORDS = {
    "subscriberid": "contact",
    "dealId": "deal",
    "relid": "contact",
    "accountId": "account",
    "dealTasktype": "task_type",
}
TRACES = ("dealActivities", "contactLogs", "requests")
"""What the account notes about writes by itself."""

NOTHING = (None, "", "0", "0000-00-00 00:00:00")
"""What a row may say or not say: PUT fills in what the rows of the company leave out."""
State = dict[str, Counter[str]]


Renamed = dict[tuple[str, str], str]
"""The old id of what was made again, by the word for it and its new id."""


def state(sandbox: Sandbox, renamed: Renamed | None = None) -> State:
    """The rows of each table as text, without ids; what was made again counts as what it was."""
    store = sandbox._store.for_account(1)  # pyright: ignore[reportPrivateUsage]
    tables = [one for one in store._tables if one not in TRACES]  # pyright: ignore[reportPrivateUsage]
    return {table: Counter(plain(row, renamed or {}) for row in store.select(table)) for table in tables}


@cache
def is_kept(key: str) -> bool:
    return not VOLATILE.match(key)


def plain(row: dict[str, Any], renamed: Renamed) -> str:
    kept = {key: value for key, value in row.items() if is_kept(key) and value not in NOTHING}
    return json.dumps(
        {key: renamed.get((WORDS.get(key, key), str(value)), value) for key, value in sorted(kept.items())}
    )


def difference(before: State, after: State) -> dict[str, tuple[list[str], list[str]]]:
    """Rows that are gone and rows that are new, by table."""
    found = {
        table: (list((before[table] - after[table]).elements()), list((after[table] - before[table]).elements()))
        for table in before
    }
    return {table: rows for table, rows in found.items() if any(rows)}
