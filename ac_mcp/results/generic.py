"""The answer of an operation that declares no columns, trimmed by general rules."""

import re
from collections.abc import Mapping
from typing import Any, cast

from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.results.shaping import DONE, FROM_ACCOUNT, HIDDEN_HERE, INTERNAL, View, page_of
from ac_mcp.spec.columns import LONGEST, NOTHING, SHORT
from ac_mcp.spec.operation import Operation
from ac_mcp.text import truncate

FREE = frozenset((
    "note", "text", "html", "body", "content", "description", "descript", "comment", "comments", "message", "thanks",
    "preheader_text", "signature", "fieldValue", "value", "val", "answer", "jsonData", "outcomeInfo",
))  # fmt: skip
"""Attributes that hold free text, in any kind of row."""
IDS: Mapping[str, str] = {
    "contact": "contacts", "contactid": "contacts", "contactId": "contacts", "subscriberid": "contacts",
    "tag": "tags", "tagid": "tags", "list": "lists", "listid": "lists", "deal": "deals", "dealId": "deals",
    "automation": "automations", "seriesid": "automations", "campaign": "campaigns", "campaignid": "campaigns",
    "owner": "users", "user": "users", "userid": "users", "assignee": "users", "account": "accounts",
    "accountId": "accounts", "stage": "dealStages", "d_stageid": "dealStages", "field": "fields",
}  # fmt: skip
"""Attributes that hold an id, with the kind they refer to; shown as `tag_id`, after the name."""
WORDS: Mapping[str, str] = {
    "contacts": "contact", "tags": "tag", "lists": "list", "deals": "deal", "automations": "automation",
    "campaigns": "campaign", "users": "user", "accounts": "account", "dealStages": "stage", "fields": "field",
}  # fmt: skip
"""The word for one thing of each kind."""
NAMES: Mapping[str, str] = {f"{word}_id": kind for kind, word in WORDS.items()} | {
    f"{word}_id": "users" for word in ("owner", "assignee")
}
"""Keys of the answer that hold an id, with the kind whose names are looked up for it."""


def shape_generic(operation: Operation[..., Any], arguments: Mapping[str, Any], payload: Json, view: View) -> Json:
    """Return the payload without links, hashes and empty values, with ids under keys that name their kind."""
    body = {key: value for key, value in payload.items() if key != "meta"}
    free: set[str] = set()
    answer: Json = {} if operation.read_only else {"result": DONE.get(operation.method, "done")}
    answer |= as_object(trim(body, view, free, operation.resource.plural))
    answer |= paging_of(operation, arguments, payload)
    if free:
        answer[HIDDEN_HERE if view.hidden else FROM_ACCOUNT] = sorted(free)
    return answer


def trim(value: Any, view: View, free: set[str], own: str) -> Any:
    """Return a value without its empty and internal parts, with texts cut to the view.

    Names of free-text attributes are added to `free`. `own` is the kind of the row itself: a tag's `tag` is no id.
    """
    if isinstance(value, list):
        return [trim(item, view, free, own) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return truncate(value, LONGEST if view.full else SHORT) if isinstance(value, str) else value
    trimmed: Json = {}
    for key, item in cast("Json", value).items():
        if item in NOTHING or key in INTERNAL or (key.endswith("_timestamp") and not view.full):
            continue
        if key in FREE and isinstance(item, str | list):
            free.add(key)
            if view.hidden:
                continue
        name = id_key(key, item, own)
        if name not in trimmed:
            inner = trim(item, view, free, own)
            if inner not in NOTHING:
                trimmed[name] = inner
    return trimmed


def id_key(key: str, value: Any, own: str) -> str:
    """Return the key of the answer: `owner_id` for an `owner` that holds an id, else the same key."""
    kind = IDS.get(key, "")
    if not kind or kind == own or not re.fullmatch("[1-9][0-9]{0,17}", str(value)):
        return key
    return f"{key if key in ('owner', 'assignee') else WORDS[kind]}_id"


def paging_of(operation: Operation[..., Any], arguments: Mapping[str, Any], payload: Json) -> Json:
    """Return the total number of rows, and `next_offset` where there are more."""
    meta, rows = as_object(payload.get("meta")), as_objects(payload.get(operation.resource.plural))
    total, offset = as_int(meta.get("total")), as_int(arguments.get("offset"))
    if not total and not rows:
        return {}
    return page_of(total, len(rows), offset, arguments.get("limit")) if total or "limit" in arguments else {}
