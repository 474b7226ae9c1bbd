"""The questions that only a live account can answer, and how each is asked: by reads alone (reference-v1 6, 8, 10)."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from ac_mcp.concurrency import SingleFlight
from ac_mcp.errors import Forbidden, GatewayError, NotFound, RequestRefused, ToolError
from ac_mcp.messages import Json, Request, Sender, as_objects
from ac_mcp.spec.paging import total_of
from ac_mcp.storage.account_record import AccountRecord, Fact, Outcome

NOBODY, FUTURE, PAST, NOTHING = "999999999", "2100-01-01T00:00:00+00:00", "1971-01-01T00:00:00+00:00", "zq-none-zq"
"""Values that no record has: an id, a moment after all, a moment before all, a text."""
FILTERS: Mapping[str, Mapping[str, str]] = {
    "contacts": {
        "email": f"{NOTHING}@example.invalid", "search": NOTHING, "email_like": NOTHING, "listid": NOBODY,
        "tagid": NOBODY, "segmentid": NOBODY, "seriesid": NOBODY, "ids[]": NOBODY, "id_greater": NOBODY,
        "filters[created_after]": FUTURE, "filters[created_before]": PAST, "filters[updated_after]": FUTURE,
        "filters[updated_before]": PAST,
    },
    "deals": {
        "filters[stage]": NOBODY, "filters[group]": NOBODY, "filters[owner]": NOBODY, "filters[contact]": NOBODY,
        "filters[tag]": NOBODY, "filters[search]": NOTHING, "filters[minimum_value]": NOBODY,
        "filters[created_after]": FUTURE, "filters[created_before]": PAST, "filters[updated_after]": FUTURE,
        "filters[updated_before]": PAST,
    },
    "tags": {"search": NOTHING}, "lists": {"filters[name]": NOTHING}, "accounts": {"search": NOTHING},
    "automations": {"filters[name]": NOTHING}, "campaigns": {"filters[name]": NOTHING},
    "dealTasks": {"filters[title]": NOTHING, "filters[reltype]": "Nothing"},
    "fieldValues": {"filters[fieldid]": NOBODY}, "notes": {"filters[reltype]": "Nothing"},
    "contactLists": {"filters[list]": NOBODY}, "segments": {"filters[name]": NOTHING},
}  # fmt: skip
"""Query parameters by collection, each with a value that leaves nothing."""
ORDERS: Mapping[str, Mapping[str, str]] = {
    "contacts": {"orders[id]": "id", "orders[cdate]": "cdate", "orders[email]": "email"},
    "deals": {"orders[id]": "id", "orders[cdate]": "cdate", "orders[value]": "value", "orders[title]": "title"},
    "campaigns": {"orders[sdate]": "sdate", "orders[id]": "id"}, "tags": {"orders[id]": "id"},
    "lists": {"orders[id]": "id"}, "notes": {"orders[id]": "id"}, "dealTasks": {"orders[id]": "id"},
}  # fmt: skip
"""Orders by collection, each with the attribute of a row that it sorts by."""
INCLUDES = ("contactTags.tag", "fieldValues.field", "contactLists.list", "accountContacts.account")
"""Relations that a list of contacts may include."""
FEATURES = (
    "deals", "accounts", "dealTasks", "campaigns", "automations", "segments", "forms", "customObjects/schemas", "sms",
    "siteMessages", "ecomOrders", "messageActivities", "linkData", "contactActivities",
)  # fmt: skip
"""Collections that some plans lack."""
BELOW_CONTACT = ("contactTags", "contactLists", "fieldValues")
"""Collections below a contact of which it is not known whether they come in pages."""
SAMPLE = "10"
"""Rows that a sorted page is judged by."""
Ask = Callable[[Sender], Awaitable[tuple[Outcome, str]]]


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What one account can do, asked when it is needed for the first time and kept in its record."""

    record: AccountRecord
    asking: SingleFlight[Fact] = field(default_factory=SingleFlight[Fact])

    async def outcome(self, sender: Sender, question: str) -> Outcome:
        """Return the answer to a question of `questions()`; ask the account if the record does not have it."""
        fact = await self.record.find(question)
        return fact.outcome if fact else (await self.asking.run(question, lambda: self.ask(sender, question))).outcome

    async def ask(self, sender: Sender, question: str) -> Fact:
        """Ask the account and store its answer. An error is an answer that says nothing."""
        try:
            outcome, detail = await questions()[question](sender)
        except ToolError as error:
            outcome, detail = "unclear", describe_failure(error)
        fact = Fact(question, outcome, detail)
        await self.record.note(fact)
        return fact


@cache
def questions() -> Mapping[str, Ask]:
    """Return all questions, each with the function that asks it."""
    return dict(list_questions())


def list_questions() -> Iterator[tuple[str, Ask]]:
    """Yield each question with the function that asks it."""
    for collection, values in FILTERS.items():
        for parameter, value in values.items():
            yield f"filter {collection} {parameter}", ask_filter(collection, parameter, value)
    for collection, keys in ORDERS.items():
        for parameter, key in keys.items():
            yield f"order {collection} {parameter}", ask_order(collection, parameter, key)
    for name in INCLUDES:
        yield f"include contacts {name}", ask_include(name)
    for collection in BELOW_CONTACT:
        yield f"pages contacts/{{id}}/{collection}", ask_pages(collection)
    for path in FEATURES:
        yield f"feature {path}", ask_feature(path)
    yield "v1", ask_v1
    yield "unknown tag id is a 404", ask_unknown_tag


async def fetch(sender: Sender, path: str, **query: str) -> Json:
    """Return the body of a list."""
    return (await sender.send(Request("GET", f"/{path}", query, repeatable=True, unshared=True))).body


def rows_in(body: Json, collection: str) -> list[Json]:
    """Return the rows of a list, whose key is the last part of its path."""
    return as_objects(body.get(collection.rpartition("/")[2]))


def ask_filter(collection: str, parameter: str, value: str) -> Ask:
    """Return a question: does this parameter filter? Asked with a value that leaves nothing."""

    async def ask(sender: Sender) -> tuple[Outcome, str]:
        everything = await fetch(sender, collection, limit="1")
        if not rows_in(everything, collection):
            return "unclear", "the list is empty"
        filtered = await fetch(sender, collection, limit="1", **{parameter: value})
        if rows_in(filtered, collection):
            return "no", "rows for a value that no row has"
        counts = total_of(filtered) == 0
        return ("yes", "") if counts else ("yes", "no rows, but a total above 0")

    return ask


def ask_order(collection: str, parameter: str, key: str) -> Ask:
    """Return a question: does this order sort? Asked both ways."""

    async def ask(sender: Sender) -> tuple[Outcome, str]:
        pages = [
            [sort_key(row.get(key)) for row in rows_in(body, collection)]
            for body in [await fetch(sender, collection, limit=SAMPLE, **{parameter: way}) for way in ("ASC", "DESC")]
        ]
        if len({value for page in pages for value in page}) < 3:
            return "unclear", "too few different values"
        is_sorted = pages[0] == sorted(pages[0]) and pages[1] == sorted(pages[1], reverse=True)
        return ("yes", "") if is_sorted else ("no", "the rows are not in this order")

    return ask


def sort_key(value: object) -> tuple[int, str]:
    """Return a value so that numbers compare as numbers and texts without case."""
    text = str(value or "").casefold()
    return (int(text), "") if text.isdecimal() else (0, text)


def ask_include(name: str) -> Ask:
    """Return a question: does a list of contacts include this relation? Its key and the ids in the rows must come."""
    relation = name.partition(".")[0]

    async def ask(sender: Sender) -> tuple[Outcome, str]:
        body = await fetch(sender, "contacts", limit=SAMPLE, include=name)
        rows = rows_in(body, "contacts")
        if not rows:
            return "unclear", "the list is empty"
        if not isinstance(body.get(relation), list):
            return "no", "its key is missing"
        return ("yes", "") if all(isinstance(row.get(relation), list) for row in rows) else ("no", "rows lack its ids")

    return ask


def ask_pages(collection: str) -> Ask:
    """Return a question: does this list below a contact heed `limit`? Asked of a contact that has two rows."""

    async def ask(sender: Sender) -> tuple[Outcome, str]:
        for contact in rows_in(await fetch(sender, "contacts", limit=SAMPLE), "contacts"):
            path = f"contacts/{contact.get('id')}/{collection}"
            if len(rows_in(await fetch(sender, path, limit="100"), collection)) > 1:
                page = rows_in(await fetch(sender, path, limit="1"), collection)
                return ("yes", "") if len(page) == 1 else ("no", "more rows than were asked for")
        return "unclear", "no contact has two rows"

    return ask


def ask_feature(path: str) -> Ask:
    """Return a question: does the plan include this collection?"""

    async def ask(sender: Sender) -> tuple[Outcome, str]:
        try:
            await fetch(sender, path, limit="1")
        except (Forbidden, NotFound) as error:
            return "no", f"status {error.status}"
        return "yes", ""

    return ask


async def ask_v1(sender: Sender) -> tuple[Outcome, str]:
    """Ask whether API v1 answers through this door (reference-v1 1.3)."""
    query = {"api_action": "account_view", "api_output": "json"}
    try:
        await sender.send(Request("GET", "/admin/api.php", query, plane="v1", repeatable=True, unshared=True))
    except RequestRefused as refused:
        return ("unclear", describe_failure(refused)) if refused.status < 300 else ("no", f"status {refused.status}")
    return "yes", ""


async def ask_unknown_tag(sender: Sender) -> tuple[Outcome, str]:
    """Ask what an id that no tag has is answered with."""
    try:
        await fetch(sender, f"tags/{NOBODY}")
    except NotFound as error:
        return "yes", f"status {error.status}"
    except RequestRefused as refused:
        return "no", f"status {refused.status}"
    return "no", "status 200"


def describe_failure(error: ToolError) -> str:
    """Return an error without texts of the account."""
    status = f" {error.status}" if isinstance(error, GatewayError) and error.status else ""
    return f"{type(error).__name__}{status}"
