"""The answer of an operation the product knows nothing of: by general rules what a person would want to read of it."""

import re
from collections.abc import Mapping
from typing import Any, cast

from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.results.shaping import DONE, FROM_ACCOUNT, HIDDEN_HERE, INTERNAL, View
from ac_mcp.spec.columns import LONGEST, NOTHING, SHORT
from ac_mcp.spec.operation import Operation
from ac_mcp.text import truncate

FREE = frozenset((
    "note", "text", "html", "body", "content", "description", "descript", "comment", "comments", "message", "thanks",
    "preheader_text", "signature", "fieldValue", "value", "val", "answer", "jsonData", "outcomeInfo",
))  # fmt: skip
"""What people write in their own words, wherever it stands."""
IDS: Mapping[str, str] = {
    "contact": "contacts", "contactid": "contacts", "contactId": "contacts", "subscriberid": "contacts",
    "tag": "tags", "tagid": "tags", "list": "lists", "listid": "lists", "deal": "deals", "dealId": "deals",
    "automation": "automations", "seriesid": "automations", "campaign": "campaigns", "campaignid": "campaigns",
    "owner": "users", "user": "users", "userid": "users", "assignee": "users", "account": "accounts",
    "accountId": "accounts", "stage": "dealStages", "d_stageid": "dealStages", "field": "fields",
}  # fmt: skip
"""Keys that hold an id, and of what: shown as `tag_id`, with the name before it."""
WORDS: Mapping[str, str] = {
    "contacts": "contact", "tags": "tag", "lists": "list", "deals": "deal", "automations": "automation",
    "campaigns": "campaign", "users": "user", "accounts": "account", "dealStages": "stage", "fields": "field",
}  # fmt: skip
NAMES: Mapping[str, str] = {f"{word}_id": kind for kind, word in WORDS.items()} | {
    f"{word}_id": "users" for word in ("owner", "assignee")
}


def shape_generic(operation: Operation[..., Any], arguments: Mapping[str, Any], payload: Json, view: View) -> Json:
    """Without links, hashes and the many faces of nothing; ids under a name that says of what they are."""
    body = {key: value for key, value in payload.items() if key != "meta"}
    free: set[str] = set()
    shown = as_object(trim(body, view, free, operation.resource.plural))
    done = {} if operation.read_only else {"result": DONE.get(operation.method, "done")}
    told = HIDDEN_HERE if view.hidden else FROM_ACCOUNT
    return done | shown | paging_of(operation, arguments, payload) | ({told: sorted(free)} if free else {})


def trim(value: Any, view: View, free: set[str], own: str) -> Any:
    if isinstance(value, list):
        return [trim(one, view, free, own) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return truncate(value, LONGEST if view.full else SHORT) if isinstance(value, str) else value
    shown: Json = {}
    for key, one in cast("Json", value).items():
        if one in NOTHING or key in INTERNAL or (key.endswith("_timestamp") and not view.full):
            continue
        if key in FREE and isinstance(one, str | list):
            free.add(key)
            if view.hidden:
                continue
        name = id_key(key, one, own)
        if name not in shown:
            inner = trim(one, view, free, own)
            shown |= {} if inner in NOTHING else {name: inner}
    return shown


def id_key(key: str, value: Any, own: str) -> str:
    """`owner_id` for what is called owner and is an id; a tag's own `tag` is its name."""
    kind = IDS.get(key, "")
    if not kind or kind == own or not re.fullmatch("[1-9][0-9]{0,17}", str(value)):
        return key
    return f"{key if key in ('owner', 'assignee') else WORDS[kind]}_id"


def paging_of(operation: Operation[..., Any], arguments: Mapping[str, Any], payload: Json) -> Json:
    """What the rows are part of."""
    meta, rows = as_object(payload.get("meta")), as_objects(payload.get(operation.resource.plural))
    total, offset = as_int(meta.get("total")), as_int(arguments.get("offset"))
    if not total:
        return {}
    past = offset + len(rows)
    return {"total": total} | ({"next_offset": past} if rows and past < total else {})
