"""Two thousand random steps over contacts, tags, lists and deals: the account stays whole."""

from typing import Any

import anyio
import httpx2
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ac_mcp.sandbox import Sandbox

from .clients import NOW, client, seeded

IDS = st.integers(1, 80)
NAMES = st.sampled_from(["Ann", "Zoë", "李", "", "O'Brien", "%", "x" * 300])


class Account(RuleBasedStateMachine):
    """Writes at random through the API, then reads everything and compares it with what must hold."""

    @initialize()
    def opened(self) -> None:
        self.sandbox = Sandbox(now=lambda: NOW, rate=None, like=seeded())
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "sandbox"):
            self.sandbox.close()

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        async def once() -> httpx2.Response:
            async with client(self.sandbox) as http:
                return await http.request(method, path.lstrip("/"), json=body)

        response = anyio.run(once)
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

    @rule(name=NAMES)
    def create_contact(self, name: str) -> None:
        self.made += 1
        body = {"contact": {"email": f"new{self.made}@x.example", "firstName": name}}
        assert self.send("POST", "/contacts", body).status_code == 201

    @rule(contact=IDS, name=NAMES)
    def rename_contact(self, contact: int, name: str) -> None:
        self.send("PUT", f"/contacts/{contact}", {"contact": {"lastName": name}})

    @rule(contact=IDS)
    def delete_contact(self, contact: int) -> None:
        self.send("DELETE", f"/contacts/{contact}")

    @rule(name=NAMES)
    def create_tag(self, name: str) -> None:
        self.send("POST", "/tags", {"tag": {"tag": f"{name} {self.made}", "tagType": "contact"}})

    @rule(tag=st.integers(1, 20))
    def delete_tag(self, tag: int) -> None:
        self.send("DELETE", f"/tags/{tag}")

    @rule(contact=IDS, tag=st.integers(1, 20))
    def tag_contact(self, contact: int, tag: int) -> None:
        self.send("POST", "/contactTags", {"contactTag": {"contact": contact, "tag": str(tag)}})

    @rule(link=IDS)
    def untag_contact(self, link: int) -> None:
        self.send("DELETE", f"/contactTags/{link}")

    @rule(contact=IDS, list=st.integers(1, 12), status=st.sampled_from(["1", "2", 1]))
    def subscribe(self, contact: int, list: int, status: object) -> None:
        self.send("POST", "/contactLists", {"contactList": {"contact": contact, "list": list, "status": status}})

    @rule(list=st.integers(1, 12))
    def delete_list(self, list: int) -> None:
        self.send("DELETE", f"/lists/{list}")

    @rule(contact=IDS, stage=st.integers(1, 12), cents=st.integers(0, 10**9))
    def create_deal(self, contact: int, stage: int, cents: int) -> None:
        deal = {"title": "D", "value": cents, "currency": "usd", "contact": contact, "stage": stage, "owner": 1}
        self.send("POST", "/deals", {"deal": deal})

    @rule(deal=st.integers(1, 40), stage=st.integers(1, 12))
    def move_deal(self, deal: int, stage: int) -> None:
        self.send("PUT", f"/deals/{deal}", {"deal": {"stage": stage}})

    @rule(deal=st.integers(1, 40))
    def delete_deal(self, deal: int) -> None:
        self.send("DELETE", f"/deals/{deal}")

    @precondition(lambda self: hasattr(self, "sandbox"))
    @invariant()
    def the_account_is_whole(self) -> None:
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
