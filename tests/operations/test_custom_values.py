"""Values in every place where they can be set: a field takes what its kind takes, and shows what it was given."""

import json
from pathlib import Path
from typing import Any

import pytest

from ac_mcp.messages import Json
from tests.support import Trial, behind, in_virtual_time, trial
from tests.tables import store_of

CODE = "6"
"""The id of Referral code, a text field."""
FORM = "takes a date and time such as 2026-12-31T10:00:00+01:00"


def stored(one: Trial, contact: str, field: str) -> Any:
    """What a contact has in a field, as the account holds it."""
    rows = store_of(one.sandbox).select("fieldValues")
    return next((row["value"] for row in rows if (str(row["contact"]), str(row["field"])) == (contact, field)), None)


async def with_renewal(one: Trial) -> str:
    """The id of a new field that holds a date and time."""
    return (await one.answer("create_field", title="Renewal at", type="datetime"))["field"]["id"]


def text_of(export: Json) -> str:
    return Path(export["file"]).read_text(encoding="utf-8")


def raw(id: str, **arguments: Any) -> Json:
    return {"id": id, "arguments": json.dumps(arguments)}


REFUSED = {
    "set_field_value": {"contact": "2", "field": "Renewal at", "value": "soon"},
    "update_contact": {"contact": "2", "fields": ["Renewal at=soon"]},
    "create_contact": {"email": "new@x.example", "fields": {"Renewal at": "soon"}},
    "sync_contact": {"email": "new@x.example", "fields": ["Renewal at=soon"]},
    "bulk_update_contacts": {"contacts": ["2", "4"], "fields": ["Renewal at=soon"]},
    "count_contacts": {"where": ["Renewal at=soon"]},
    "preview_change": {"tool": "update_contact", "arguments": {"contact": "2", "fields": ["Renewal at=soon"]}},
}
RAW = {
    "contacts.create": {"email": "new@x.example", "fieldValues": [{"field": "7", "value": "soon"}]},
    "contacts.update": {"contact": "2", "fieldValues": [{"field": 7, "value": "soon"}]},
    "contacts.sync": {"email": "new@x.example", "fieldValues": [{"field": "7", "value": "soon"}]},
    "imports.create": {"contacts": [{"email": "new@x.example", "fields": [{"id": 7, "value": "soon"}]}]},
}


@pytest.mark.parametrize("tool", REFUSED)
@in_virtual_time
async def test_a_field_for_a_moment_takes_nothing_else(tool: str) -> None:
    async with trial() as one:
        await with_renewal(one)
        assert f"Renewal at {FORM}" in await one.refusal(tool, **REFUSED[tool])


@pytest.mark.parametrize("id", RAW)
@in_virtual_time
async def test_a_raw_operation_checks_the_values_of_fields(id: str) -> None:
    async with trial() as one:
        await with_renewal(one)
        assert f"Renewal at {FORM}" in await one.refusal("write_operation", **raw(id, **RAW[id]))


@in_virtual_time
async def test_a_raw_operation_sends_values_as_their_fields_take_them() -> None:
    async with trial() as one:
        id = await with_renewal(one)
        values = [
            {"field": id, "value": "2026-12-31 10:00"},
            {"field": 5, "value": ["tea", "Filter"]},
            {"field": 4, "value": 12.0},
            {"field": CODE, "value": "a||b"},
            {"field": "999", "value": "of no field"},
        ]
        await one.answer("write_operation", **raw("contacts.update", contact="2", fieldValues=values))
        kept = [stored(one, "2", field) for field in (id, "5", "4", CODE)]
        assert kept == ["2026-12-31T10:00:00", "||Tea||Filter||", "12", "a||b"]


@in_virtual_time
async def test_a_raw_operation_checks_the_fields_of_deals_and_whole_cents() -> None:
    async with trial() as one:
        await one.answer("create_deal_field", title="Closes at", type="datetime")

        def update(**change: Any) -> Json:
            return raw("deals.update", deal="3", **change)

        def field(id: str, value: Any) -> Json:
            return update(fields=[{"customFieldId": id, "fieldValue": value}])

        assert f"fields: Closes at {FORM}" in await one.refusal("write_operation", **field("6", "soon"))
        said = await one.refusal("write_operation", **field("4", "12.5"))
        assert 'fields: Deposit takes cents, a whole number; "12.5" is none' in said
        assert "value: 19.99 is in cents" in await one.refusal("write_operation", **update(value=19.99))
        await one.answer("write_operation", **field("5", ["grinder", "Training"]))
        shown = (await one.answer("list_deal_field_values", deal="3"))["custom_fields"]
        assert [row["value"] for row in shown if row["field"] == "Needs"] == [["Grinder", "Training"]]


@pytest.mark.parametrize("of", ["deal", "account"])
@in_virtual_time
async def test_fields_of_deals_and_accounts_take_a_moment_and_whole_cents(of: str) -> None:
    async with trial() as one:
        await one.answer(f"create_{of}_field", title="Closes at", type="datetime")
        await one.answer(f"create_{of}_field", title="Budget", type="currency")
        await one.answer(f"create_{of}_field", title="Snippet", type="text")

        def value(field: str, value: str) -> Json:
            return {of: "3", "field": field, "value": value}

        tool = f"set_{of}_field_value"
        assert f"Closes at {FORM}" in await one.refusal(tool, **value("Closes at", "31/12/2026"))
        assert "could mean 1234 or 1.234" in await one.refusal(tool, **value("Budget", "1.234"))
        assert "no amount is rounded here" in await one.refusal(tool, **value("Budget", "1234.567"))
        taken = [("Closes at", "2026-12-31 10:00Z"), ("Budget", "1234.5"), ("Snippet", "||a||b||")]
        shown = [(await one.answer(tool, **value(*pair)))["value"] for pair in taken]
        assert shown == ["2026-12-31T10:00:00Z", "1234.50 usd", "||a||b||"]


@in_virtual_time
async def test_a_moment_is_the_same_whatever_its_offset() -> None:
    async with trial() as one:
        id = await with_renewal(one)
        await one.answer("set_field_value", contact="2", field="Renewal at", value="2026-12-31T10:00:00+01:00")
        await one.answer("set_field_value", contact="4", field="Renewal at", value="2026-12-31T09:00:00Z")
        assert (await one.answer("count_contacts", where=["Renewal at=2026-12-31T03:00:00-06:00"]))["count"] == 2
        assert (await one.answer("count_contacts", where=["Renewal at=2026-12-31"]))["count"] == 2
        assert (await one.answer("count_contacts", where=["Renewal at=2026-12-30"]))["count"] == 0
        bulk = {"contacts": ["2", "4"], "fields": ["Renewal at=2026-12-31 09:00:00Z"]}
        assert (await one.answer("bulk_update_contacts", **bulk))["counts"] == {"already so": 2}
        assert stored(one, "2", id) == "2026-12-31T10:00:00+01:00"


@in_virtual_time
async def test_bulk_changes_of_a_moment_are_undone_though_the_account_spells_it_in_its_own_zone() -> None:
    async with trial() as one:
        id = await with_renewal(one)
        await one.answer("set_field_value", contact="2", field="Renewal at", value="2026-01-01T00:00:00Z")
        await one.answer("bulk_update_contacts", contacts=["2"], fields=["Renewal at=2026-12-31T10:00:00Z"])
        value = {"fieldValue": {"contact": "2", "field": id, "value": "2026-12-31T04:00:00-06:00"}}
        await behind(one, "POST", "/fieldValues", value)
        change = (await one.answer("list_changes"))["changes"][0]["id"]
        await one.answer("undo_change", change=change)
        assert stored(one, "2", id) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["if (a || b) { c }", "CEO || founder", "a||b", "||a||b||", "||"])
@in_virtual_time
async def test_bars_in_a_text_are_text_everywhere(text: str) -> None:
    async with trial() as one:
        answers = [
            await one.answer("set_field_value", contact="2", field="Referral code", value=text),
            (await one.answer("list_field_values", contact="2"))["fields"][-1],
            (await one.answer("get_contact", contact="2"))["fields"][-1],
        ]
        assert [row["value"] for row in answers] == [text] * 3
        await one.answer("update_contact", contact="4", fields={"Referral code": text})
        await one.answer("bulk_update_contacts", contacts=["5"], fields=[f"Referral code={text}"])
        table = json.dumps([{"email": "bars@x.example", "Referral code": text}])
        await one.answer("import_contacts", data=table)
        assert [stored(one, id, CODE) for id in ("2", "4", "5", "61")] == [text] * 4
        found = await one.answer("count_contacts", where=[f"Referral code={text}"], by="Referral code")
        assert (found["count"], found["by"]) == (4, [{"value": text, "contacts": 4}])
        export = await one.answer(
            "export_contacts", where=[f"Referral code={text}"], fields=["Referral code"], format="jsonl"
        )
        lines = text_of(export).splitlines()
        assert [json.loads(line)["Referral code"] for line in lines] == [text] * 4


@in_virtual_time
async def test_choices_of_an_export_can_be_imported_again() -> None:
    async with trial() as one:
        await one.answer("set_field_value", contact="2", field="Interests", value="Tea||Filter")
        export = await one.answer("export_contacts", where=["email=bob@initech.example"], fields=["Interests"])
        text = text_of(export)
        assert "Tea; Filter" in text
        await one.answer("set_field_value", contact="2", field="Interests", value="")
        await one.answer("import_contacts", data=text)
        assert stored(one, "2", "5") == "||Tea||Filter||"


@in_virtual_time
async def test_choices_that_differ_in_case_are_both_reachable() -> None:
    async with trial() as one:
        level = (await one.answer("create_field", title="Level", type="dropdown", options=["pro", "PRO"]))["field"][
            "id"
        ]
        for contact, choice in (("2", "PRO"), ("4", "pro")):
            await one.answer("set_field_value", contact=contact, field="Level", value=choice)
        assert [stored(one, id, level) for id in ("2", "4")] == ["PRO", "pro"]
        assert (await one.answer("count_contacts", where=["Level=PRO"]))["count"] == 1
        said = await one.refusal("set_field_value", contact="2", field="Level", value="Pro")
        assert said == 'value: Level has the choices "pro" and "PRO": "Pro" could be either. Nothing was changed.'
        said = await one.refusal("update_field", field="Level", remove_options=["Pro"])
        assert 'remove_options: Level has the choices "pro" and "PRO"' in said
        left = await one.answer("update_field", field="Level", remove_options=["PRO"])
        assert left["field"]["options"] == ["pro"]


READ = "Read without invisible characters, or what stood around an address: "


@in_virtual_time
async def test_an_address_and_names_are_cleaned_and_the_answer_says_so() -> None:
    async with trial() as one:
        person = {"email": "Ann <ann\u200b@x.example>", "first_name": "A\u00adnn", "phone": "\u202d+1 555\u202c"}
        made = await one.answer("create_contact", **person)
        assert (made["contact"]["email"], made["contact"]["name"], made["contact"]["phone"]) == (
            "ann@x.example",
            "Ann",
            "+1 555",
        )
        assert made["note"] == f'{READ}email "ann@x.example", first_name "Ann", phone "+1 555".'
        tagged = await one.answer("tag_contact", contact="mailto:ann@x.example", tag="V\u200bIP")
        assert (tagged["contact"], tagged["tag_id"], tagged["note"]) == (
            "ann@x.example", "1", f'{READ}contact "ann@x.example", tag "VIP".',
        )  # fmt: skip
        assert (await one.answer("get_contact", contact="<ann@x.example>"))["note"] == f'{READ}contact "ann@x.example".'
        assert (await one.answer("count_contacts", where=["email=<ann@x.example>"]))["count"] == 1
        assert (await one.answer("get_contact", contact="Jane\u200b Reed"))["contact"]["id"] == "1"
        assert [row["name"] for row in (await one.answer("list_tags", search="V\u200bIP"))["tags"]] == [
            "VIP",
            "VIP 2025",
        ]


@in_virtual_time
async def test_a_preview_and_a_bulk_change_say_what_was_cleaned() -> None:
    async with trial() as one:
        bulk = {"contacts": ["<jane@acme.example>", "4"], "add_tag": "Trial"}
        shown = await one.answer("preview_change", tool="bulk_update_contacts", arguments=bulk)
        assert shown["note"] == f'{READ}contacts "jane@acme.example".'
        assert (await one.answer("bulk_update_contacts", **bulk))["total"] == 2
        shown = await one.answer("preview_change", tool="create_tag", arguments={"name": "Gold\u200b card"})
        assert shown["note"] == f'{READ}name "Gold card".'


@in_virtual_time
async def test_a_raw_operation_cleans_addresses_and_names() -> None:
    async with trial() as one:
        made = await one.answer(
            "write_operation", **raw("contacts.create", email="<raw@x.example>", firstName="R\u200baw")
        )
        assert (made["contact"]["email"], made["contact"]["firstName"]) == ("raw@x.example", "Raw")
        assert made["note"] == f'{READ}email "raw@x.example", first_name "Raw".'


@in_virtual_time
async def test_no_second_tag_is_made_from_a_name_with_invisible_signs() -> None:
    async with trial() as one:
        assert '"VIP" (id 1)' in await one.refusal("create_tag", name="V\u200bI\u200dP")
        joined = (await one.answer("create_tag", name="می\u200cخواهم \u200b"))["tag"]["name"]
        assert joined == "می\u200cخواهم"
        assert (await one.answer("get_tag", tag="میخواهم"))["tag"]["name"] == joined


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (19.999, "19.999 has more than two decimals"),
        ("19.9999", '"19.9999" has more than two decimals'),
        ("1.234", "could mean 1234 or 1.234"),
        ("1,234", "could mean 1234 or 1.234"),
        ("1e3", "no plain number"),
        (1e300, "too large for an amount"),
    ],
)
@in_virtual_time
async def test_the_value_of_a_deal_is_neither_guessed_nor_rounded(value: Any, why: str) -> None:
    async with trial() as one:
        assert why in await one.refusal("update_deal", deal="3", value=value)
        assert not [line for line in one.requests if not line.startswith("GET")]


@in_virtual_time
async def test_an_amount_to_compare_with_is_not_guessed_either() -> None:
    async with trial() as one:
        assert "could mean 1234 or 1.234" in await one.refusal("list_deals", min_value="1.234")
        bulk = {"where": ["min_value=1.234"], "status": "won"}
        assert "could mean 1234 or 1.234" in await one.refusal("bulk_update_deals", **bulk)


@in_virtual_time
async def test_a_damaged_number_can_be_looked_for_but_not_stored() -> None:
    async with trial() as one:
        await behind(one, "POST", "/fieldValues", {"fieldValue": {"contact": "2", "field": CODE, "value": "4.9E+12"}})
        assert (await one.answer("count_contacts", where=["Referral code=4.9E+12"]))["count"] == 1
        said = await one.refusal("update_contact", contact="2", phone="4.9E+12")
        assert 'phone: "4.9E+12" is a number that a spreadsheet has cut' in said
        said = await one.refusal("set_field_value", contact="2", field="Referral code", value=4.9e16)
        assert 'Referral code takes a text; "4.9e+16" is a number that a spreadsheet has cut' in said
        answer = await one.answer("set_field_value", contact="2", field="Seats", value="4.9E+2")
        assert answer["value"] == "490"


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"Referral code": 5}, "5"),
        ({"Referral code": 5.0}, "5"),
        ({"Referral code": None}, ""),
        ({"Referral code": ""}, ""),
    ],
)
@in_virtual_time
async def test_a_number_or_nothing_for_a_text(fields: Json, kept: str) -> None:
    async with trial() as one:
        await one.answer("update_contact", contact="2", fields=fields)
        assert stored(one, "2", CODE) == kept


HALF = "An argument holds half a character (a lone surrogate)"


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("update_contact", {"contact": "2", "fields": '{"Referral code": "\\ud83d"}'}, HALF),
        ("update_contact", {"contact": "2", "fields": ["Referral code=\ud83d"]}, HALF),
        ("write_operation", {"id": "contacts.update", "arguments": '{"contact": "2", "firstName": "\\ud83d"}'}, HALF),
        ("preview_change", {"tool": "create_tag", "arguments": '{"name": "\\ud83d"}'}, HALF),
        ("update_contact", {"contact": "2", "fields": ["Referral code=a\x00"]}, "control character (U+0000)"),
        ("create_tag", {"name": "x" * 10_000_000}, "too large"),
        ("create_tag", {"name": "\u200b"}, "nothing that can be seen"),
    ],
)
@in_virtual_time
async def test_what_no_account_could_hold_is_refused_in_words(tool: str, arguments: Json, why: str) -> None:
    async with trial() as one:
        assert why in await one.refusal(tool, **arguments)
