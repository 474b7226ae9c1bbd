"""That every filter narrows and every attribute arrives: the API ignores silently what it does not know."""

import pytest

from ac_mcp.messages import Json, as_object, as_objects
from tests.support import in_virtual_time, trial

FILTERS: tuple[tuple[str, Json], ...] = (
    ("list_contacts", {"search": "reed"}),
    ("list_contacts", {"email": "jane@acme.example"}),
    ("list_contacts", {"tag": "VIP"}),
    ("list_contacts", {"list": "Newsletter"}),
    ("list_contacts", {"status": "unsubscribed"}),
    ("list_contacts", {"created_after": "2026-06-01"}),
    ("list_contacts", {"created_before": "2026-06-01"}),
    ("list_contacts", {"updated_after": "2026-11-01"}),
    ("list_contacts", {"updated_before": "2026-11-01"}),
    ("list_tags", {"search": "vip"}),
    ("list_lists", {"search": "news"}),
    ("list_deals", {"search": "acme"}),
    ("list_deals", {"stage": "4"}),
    ("list_deals", {"pipeline": "Partnerships"}),
    ("list_deals", {"owner": "Priya"}),
    ("list_deals", {"status": "won"}),
    ("list_deals", {"min_value": 50000}),
    ("list_deals", {"max_value": 1000}),
    ("list_deal_stages", {"pipeline": "Partnerships"}),
    ("list_accounts", {"search": "acme"}),
    ("list_connections", {"status": "PENDING"}),
    ("list_connections", {"app": "gmail"}),
)


@pytest.mark.parametrize(("tool", "filter"), FILTERS, ids=[f"{tool}-{'-'.join(filter)}" for tool, filter in FILTERS])
@in_virtual_time
async def test_a_filter_narrows_the_list(tool: str, filter: Json) -> None:
    async with trial() as one:
        everything, some = await one.answer(tool), await one.answer(tool, **filter)
        assert some["total"] < everything["total"]
        assert some["total"] or filter == {"app": "gmail"}


@pytest.mark.parametrize(("order", "key"), [("newest", "created"), ("oldest", "created"), ("email", "email")])
@in_virtual_time
async def test_contacts_come_in_the_order_asked_for(order: str, key: str) -> None:
    async with trial() as one:
        found = [row[key].casefold() for row in (await one.answer("list_contacts", order=order, limit=60))["contacts"]]
        assert found == sorted(found, reverse=order == "newest")
        assert len(set(found)) > 20


@pytest.mark.parametrize(
    ("order", "key", "down"),
    [
        ("highest_value", "value", True),
        ("newest", "created", True),
        ("oldest", "created", False),
        ("title", "title", False),
    ],
)
@in_virtual_time
async def test_deals_come_in_the_order_asked_for(order: str, key: str, down: bool) -> None:
    async with trial() as one:
        deals = (await one.answer("list_deals", order=order, limit=100))["deals"]
        one_currency = [deal[key] for deal in deals if key != "value" or deal["currency"] == "usd"]
        assert one_currency == sorted(one_currency, reverse=down)


@in_virtual_time
async def test_campaigns_come_newest_first() -> None:
    async with trial() as one:
        dates = [row["send_date"] for row in (await one.answer("list_campaigns"))["campaigns"] if "send_date" in row]
        assert dates == sorted(dates, reverse=True)
        assert len(dates) > 4


PERSON = {"first_name": "A", "last_name": "B", "phone": "1"}
LIST = {"name": "L", "sender_url": "https://l.example", "sender_reminder": "R"}
DEAL = {"title": "T", "value": 12.5, "currency": "eur", "stage": "2", "owner": "4", "description": "D"}
HOOK = {"name": "W", "url": "https://w.example/x", "events": ["subscribe"], "sources": ["api"], "list": "1"}
WRITES: tuple[tuple[str, Json, str, Json], ...] = (
    ("create_contact", {"email": "a@b.example", **PERSON}, "get_contact", {"contact": "a@b.example"}),
    ("update_contact", {"contact": "2", "email": "b@b.example", **PERSON}, "get_contact", {"contact": "2"}),
    ("sync_contact", {"email": "bob@initech.example", **PERSON}, "get_contact", {"contact": "2"}),
    ("create_tag", {"name": "T", "description": "D"}, "get_tag", {"tag": "T"}),
    ("update_tag", {"tag": "3", "name": "T", "description": "D"}, "get_tag", {"tag": "3"}),
    ("create_list", LIST, "get_list", {"list": "L"}),
    ("update_list", {"list": "5", **LIST}, "get_list", {"list": "5"}),
    ("create_deal", {"contact": "1", "account": "2", **DEAL}, "get_deal", {"deal": "T"}),
    ("update_deal", {"deal": "1", "status": "lost", **DEAL}, "get_deal", {"deal": "1"}),
    ("create_deal_stage", {"name": "S", "pipeline": "2", "order": 9}, "list_deal_stages", {"pipeline": "2"}),
    ("create_pipeline", {"name": "P", "currency": "eur"}, "list_pipelines", {}),
    ("create_account", {"name": "N", "website": "https://n.example", "owner": "4"}, "list_accounts", {"search": "N"}),
    ("create_field", {"title": "F", "type": "radio", "options": ["A", "B"], "description": "D"}, "list_fields", {}),
    ("create_note", {"text": "X", "contact": "2"}, "list_notes", {"contact": "2"}),
    ("create_note", {"text": "X", "deal": "2"}, "list_notes", {"deal": "2"}),
    ("create_note", {"text": "X", "account": "2"}, "list_notes", {"account": "2"}),
    ("create_webhook", HOOK, "list_webhooks", {}),
)
SHOWN = {"first_name": "name", "last_name": "name", "sender_url": "website", "sender_reminder": "reminder"}
LINKS = ("contact", "deal", "account", "stage", "pipeline", "owner", "list")


@pytest.mark.parametrize(
    ("tool", "given", "reader", "found_by"), WRITES, ids=[f"{w[0]}-{n}" for n, w in enumerate(WRITES)]
)
@in_virtual_time
async def test_what_is_written_is_read_again(tool: str, given: Json, reader: str, found_by: Json) -> None:
    async with trial() as one:
        written = await one.answer(tool, **given)
        id = next(str(as_object(value)["id"]) for value in written.values() if as_object(value))
        row = of(await one.answer(reader, **found_by), id)
        for name, value in given.items():
            if name in LINKS and f"{name}_id" in row:
                assert row[f"{name}_id"] == value
            elif SHOWN.get(name, name) in row:
                shown = row[SHOWN.get(name, name)]
                assert value in shown if name in ("first_name", "last_name") else shown == value
            else:
                assert name in found_by or reader == f"get_{name}", f"{name} is nowhere in {row}"


def of(answer: Json, id: str) -> Json:
    """The row with this id, of a list or alone."""
    return next(
        row for value in answer.values() for row in [*as_objects(value), as_object(value)] if row.get("id") == id
    )
