"""Subscriber counters of tags and lists, which trail the writes by some seconds (reference 2.8)."""

from collections.abc import Callable

from ac_mcp.sandbox.rest.resource import Call
from ac_mcp.sandbox.rest.store import Row, eq


def _on_tag(call: Call, number: str) -> Row:
    return {"subscriber_count": str(call.store.count("contactTags", eq("tag", number)))}


def _on_list(call: Call, number: str) -> Row:
    on_list = eq("list", number)
    active = call.store.count("contactLists", on_list, eq("status", "1"))
    return {
        "non_deleted_subscribers": str(call.store.count("contactLists", on_list)),
        "active_subscribers": str(active),
    }


_LIVE: dict[str, Callable[[Call, str], Row]] = {"tags": _on_tag, "lists": _on_list}


def current_counters(call: Call, plural: str, row: Row) -> Row:
    """Return the counters to show: the held ones until the lag is over."""
    held = "counters" in row and call.now.timestamp() - row["counters_at"] < call.quirks.counter_lag
    return row["counters"] if held else _LIVE[plural](call, row["id"])


def hold_counters(call: Call, plural: str, number: str) -> None:
    """Hold the counters shown now for the time of the lag; call it before a write."""
    row = call.store.get(plural, number)
    if row and call.quirks.counter_lag > 0:
        held = {"counters": current_counters(call, plural, row), "counters_at": call.now.timestamp()}
        call.store.update(plural, number, held)
