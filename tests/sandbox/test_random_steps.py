"""Two thousand random steps over contacts, tags, lists and deals: the account stays whole."""

import asyncio
from typing import Any

import httpx2
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ac_mcp.sandbox import Sandbox

from .clients import NOW, client, seeded

IDS = st.integers(1, 80)
NAMES = st.sampled_from(["Ann", "Zoë", "李", "", "O'Brien", "%", "x" * 300])


class Account(RuleBasedStateMachine):
    """Writes at random through the API.

    After each step what it touched is read and compared with what must hold; after each tenth and the last, everything.
    """

    @initialize()
    def opened(self) -> None:
        self.sandbox = Sandbox(now=lambda: NOW, rate=None, like=seeded())
        self.loop, self.http = asyncio.Runner(), client(self.sandbox)
        self.made = self.steps = 0

    def teardown(self) -> None:
        if hasattr(self, "sandbox"):
            try:
                self.everything_is_whole()
            finally:
                self.loop.run(self.http.aclose())
                self.loop.close()
                self.sandbox.close()

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        response = self.loop.run(self.http.request(method, path.lstrip("/"), json=body))
        assert response.status_code < 500 or "Duplicate entry" in response.text
        return response

    def rows(self, plural: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.send("GET", f"/{plural}?limit=100&offset={len(found)}").json()
            found += page[plural]
            if len(found) >= int(page["meta"]["total"]):
                assert len(found) == int(page["meta"]["total"])
                return found

    def nothing_is_left_of(self, path: str, key: str, *plurals: str) -> None:
        """It is not there, and no row of these names it."""
        assert self.send("GET", path).status_code == 404
        for plural in plurals:
            assert path.rpartition("/")[2] not in {row.get(key) for row in self.rows(plural)}

    def ties_are_single(self, contact: int, plural: str, key: str) -> list[str]:
        """What a contact is tied to: each once, and each there."""
        tied = [row[key] for row in self.send("GET", f"/contacts/{contact}/{plural}").json().get(plural, ())]
        assert len(set(tied)) == len(tied)
        for one in tied:
            assert self.send("GET", f"/{key}s/{one}").status_code == 200
        return tied

    def deal_is_whole(self, deal: dict[str, Any]) -> None:
        assert deal["isDisabled"] == (deal.keys() <= {"title", "status", "id", "isDisabled"})
        contact = None if deal["isDisabled"] else deal["contact"]
        assert contact is None or self.send("GET", f"/contacts/{contact}").status_code == 200

    @rule(name=NAMES)
    def create_contact(self, name: str) -> None:
        self.made += 1
        body = {"contact": {"email": f"new{self.made}@x.example", "firstName": name}}
        made = self.send("POST", "/contacts", body)
        assert made.status_code == 201
        row = self.send("GET", f"/contacts/{made.json()['contact']['id']}").json()["contact"]
        assert (row["email"], row["firstName"]) == (f"new{self.made}@x.example", made.json()["contact"]["firstName"])

    @rule(contact=IDS, name=NAMES)
    def rename_contact(self, contact: int, name: str) -> None:
        renamed = self.send("PUT", f"/contacts/{contact}", {"contact": {"lastName": name}})
        there = self.send("GET", f"/contacts/{contact}")
        assert there.status_code == renamed.status_code
        if renamed.status_code == 200:
            assert there.json()["contact"]["lastName"] == renamed.json()["contact"]["lastName"]

    @rule(contact=IDS)
    def delete_contact(self, contact: int) -> None:
        self.send("DELETE", f"/contacts/{contact}")
        self.nothing_is_left_of(f"/contacts/{contact}", "contact", "contactTags", "contactLists", "deals")

    @rule(name=NAMES)
    def create_tag(self, name: str) -> None:
        made = self.send("POST", "/tags", {"tag": {"tag": f"{name} {self.made}", "tagType": "contact"}})
        if made.status_code == 201:
            assert self.send("GET", f"/tags/{made.json()['tag']['id']}").status_code == 200

    @rule(tag=st.integers(1, 20))
    def delete_tag(self, tag: int) -> None:
        self.send("DELETE", f"/tags/{tag}")
        self.nothing_is_left_of(f"/tags/{tag}", "tag", "contactTags")

    @rule(contact=IDS, tag=st.integers(1, 20))
    def tag_contact(self, contact: int, tag: int) -> None:
        tied = self.send("POST", "/contactTags", {"contactTag": {"contact": contact, "tag": str(tag)}})
        assert (str(tag) in self.ties_are_single(contact, "contactTags", "tag")) == (tied.status_code < 400)

    @rule(link=IDS)
    def untag_contact(self, link: int) -> None:
        self.send("DELETE", f"/contactTags/{link}")
        assert self.send("GET", f"/contactTags/{link}").status_code == 404

    @rule(contact=IDS, list=st.integers(1, 12), status=st.sampled_from(["1", "2", 1]))
    def subscribe(self, contact: int, list: int, status: object) -> None:
        body = {"contactList": {"contact": contact, "list": list, "status": status}}
        tied = self.send("POST", "/contactLists", body)
        assert (str(list) in self.ties_are_single(contact, "contactLists", "list")) == (tied.status_code < 400)

    @rule(list=st.integers(1, 12))
    def delete_list(self, list: int) -> None:
        self.send("DELETE", f"/lists/{list}")
        self.nothing_is_left_of(f"/lists/{list}", "list", "contactLists")

    @rule(contact=IDS, stage=st.integers(1, 12), cents=st.integers(0, 10**9))
    def create_deal(self, contact: int, stage: int, cents: int) -> None:
        deal = {"title": "D", "value": cents, "currency": "usd", "contact": contact, "stage": stage, "owner": 1}
        made = self.send("POST", "/deals", {"deal": deal})
        if made.status_code == 201:
            self.deal_is_whole(self.send("GET", f"/deals/{made.json()['deal']['id']}").json()["deal"])

    @rule(deal=st.integers(1, 40), stage=st.integers(1, 12))
    def move_deal(self, deal: int, stage: int) -> None:
        self.send("PUT", f"/deals/{deal}", {"deal": {"stage": stage}})
        there = self.send("GET", f"/deals/{deal}")
        if there.status_code == 200:
            self.deal_is_whole(there.json()["deal"])

    @rule(deal=st.integers(1, 40))
    def delete_deal(self, deal: int) -> None:
        self.send("DELETE", f"/deals/{deal}")
        self.nothing_is_left_of(f"/deals/{deal}", "id", "deals")

    @precondition(lambda self: hasattr(self, "sandbox"))
    @invariant()
    def the_account_is_whole(self) -> None:
        self.steps += 1
        if self.steps % 10 == 0:
            self.everything_is_whole()

    def everything_is_whole(self) -> None:
        contacts, tags = {row["id"] for row in self.rows("contacts")}, {row["id"] for row in self.rows("tags")}
        lists = {row["id"] for row in self.rows("lists")}
        links = [(row["contact"], row["tag"]) for row in self.rows("contactTags")]
        members = [(row["contact"], row["list"]) for row in self.rows("contactLists")]
        assert len(set(links)) == len(links)
        assert {contact for contact, _ in links} <= contacts
        assert {tag for _, tag in links} <= tags
        assert len(set(members)) == len(members)
        assert {contact for contact, _ in members} <= contacts
        assert {list for _, list in members} <= lists
        for deal in self.rows("deals"):
            assert deal["isDisabled"] == (deal.keys() <= {"title", "status", "id", "isDisabled"})
            assert deal["isDisabled"] or deal["contact"] is None or deal["contact"] in contacts


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=40, stateful_step_count=50, deadline=None, derandomize=True)
