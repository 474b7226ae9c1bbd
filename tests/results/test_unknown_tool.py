"""A tool that does not exist: what is offered, and that no call is offered which does more than was asked."""

import pytest

from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.unknown_tool import suggest_tools

TOOLS = list(OPERATIONS)
ONE = {"contact": "1"}


@pytest.mark.parametrize(
    ("name", "arguments", "call"),
    [
        ("remove_tag_from_contact", {**ONE, "tag": "VIP"}, 'untag_contact(contact="1", tag="VIP")'),
        ("mark_deal_won", {"deal": "7"}, 'update_deal(deal="7", status="won")'),
        ("upsert_contact", {"email": "a@b.example"}, 'sync_contact(email="a@b.example")'),
        ("search", {"query": "jane"}, 'list_contacts(search="jane")'),
        ("add_tag", {**ONE, "tag": "VIP"}, 'tag_contact(contact="1", tag="VIP")'),
        ("remove_tag", {**ONE, "tag": "VIP"}, 'untag_contact(contact="1", tag="VIP")'),
        ("remove_contact", {**ONE, "list": "News"}, 'unsubscribe_contact(contact="1", list="News")'),
        ("add_tag_to_contact", {**ONE, "tag": "VIP"}, 'tag_contact(contact="1", tag="VIP")'),
        ("remove_contact_from_list", {**ONE, "list": "News"}, 'unsubscribe_contact(contact="1", list="News")'),
        ("add_contact_to_list", {**ONE, "list": "News"}, 'subscribe_contact(contact="1", list="News")'),
        ("count_people", {"tag": "VIP"}, 'list_contacts(tag="VIP")'),
        ("getContact", ONE, 'get_contact(contact="1")'),
        ("contact_search", {"q": "jane"}, 'list_contacts(search="jane")'),
        ("updateDeal", {"deal": "1", "status": "won"}, 'update_deal(deal="1", status="won")'),
        ("listCampaigns", {"limit": 3}, "list_campaigns(limit=3)"),
        ("get_companies", {}, "list_accounts()"),
        ("get_company", {"account": "Acme"}, 'get_account(account="Acme")'),
        ("delete_contacts", ONE, 'delete_contact(contact="1")'),
        (
            "delete_account",
            {"account": "Acme"},
            r"""write_operation(id="delete_account", arguments="{\"account\": \"Acme\"}")""",
        ),
    ],
)
def test_what_was_meant_is_offered_as_a_call(name: str, arguments: Json, call: str) -> None:
    assert suggest_tools(name, arguments, TOOLS)[0].endswith(f"\nNext: {call}")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unsubscribe_list", {"list": "Newsletter"}),
        ("untag_lead", {"contact": "1"}),
        ("unassign_deal", {"deal": "7"}),
        ("apply_tag", {"name": "VIP"}),
        ("subscribe_person", {"email": "a@b.example"}),
        ("list_deals_of_contact", {**ONE, "colour": "red"}),
        ("find_contacts_not_on_list", {"list": "News"}),
        ("get_won_deals", {}),
        ("list_inactive_automations", {}),
        ("search_contacts", {"q": "a", "name": "b"}),
        ("remove_from_contact", ONE),
        ("update_deal_stage", {"deal": "7"}),  # which stage is not said
        ("send_email", {"to": "jane@acme.com"}),
        ("merge_contacts", {"contact": "1", "into": "2"}),
        ("", {}),
        ("\N{WAVING HAND SIGN}" * 50, {}),
    ],
)
def test_no_call_is_offered_where_it_would_be_another_one(name: str, arguments: Json) -> None:
    text, suggestion = suggest_tools(name, arguments, TOOLS)
    assert (suggestion, "Next:" in text) == (None, False)
    assert len(text) < 300
