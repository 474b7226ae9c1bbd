"""Exclusion lists: bodies without a wrapper, at paths below /lists (reference 4.3)."""

from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns
from ac_mcp.sandbox.rest.crud import change_row, list_handler
from ac_mcp.sandbox.rest.errors import Refusal, not_found
from ac_mcp.sandbox.rest.queries import contains
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.rest.store import Row

CHANNELS = ("all", "allSms", "allEmail", "several")

EXCLUSIONS = Resource(
    "exclusions",
    "exclusion",
    "Exclusion",
    columns("id=@id matchPhrase= matchType=exact channel=all hidden=! lists=[]"),
    total=int,
    verbs="",
    filters={"filters[matchPhrase]": contains("matchPhrase"), "filters[lists]": contains("lists")},
    orders={"matchPhrase": "{matchPhrase}", "lists": "{lists}"},
)

list_exclusions = list_handler(EXCLUSIONS)


def get_exclusion(call: Call) -> Answer:
    row = call.store.get("exclusions", call.path["id"])
    if row is None:
        raise Refusal(404, {"message": f"Exclusion not found [id={call.path['id']}]"})
    return Answer(200, call.render("exclusions", [row])[0])


def update_exclusion(call: Call) -> Answer:
    row = call.store.get("exclusions", call.path["id"])
    if row is None:
        raise not_found("Exclusion", call.path["id"])
    sent = {key: value for key, value in as_object(call.body).items() if key in ("channel", "lists")}
    channel = sent.get("channel", row["channel"])
    lists = sent.get("lists", row["lists"] if channel == "several" else [])
    problems = _problems(channel, lists)
    if problems:
        raise Refusal(422, {"errors": problems})
    after = change_row(call, EXCLUSIONS, row, {"channel": channel, "lists": lists})
    return Answer(200, call.render("exclusions", [after])[0])


def _problems(channel: Any, lists: Any) -> list[Row]:
    if channel not in CHANNELS:
        return [_invalid(f'Invalid channel "{channel}"', "channel")]
    if not isinstance(lists, list):
        return [_invalid("Lists must be an array of string-quoted integers", "lists")]
    if lists and channel != "several":
        return [_invalid(f'List IDs must be empty for channel "{channel}"', "lists")]
    return [
        _invalid("Lists must be an array of string-quoted integers", f"lists[{index}]")
        for index, item in enumerate(as_array(lists))
        if not (isinstance(item, str) and item.isascii() and item.isdigit())
    ]


def _invalid(detail: str, attribute: str) -> Row:
    source = {"pointer": f"/data/attributes/{attribute}"}
    return {"status": 422, "title": "Invalid attribute", "detail": detail, "source": source}
