"""Lists below a contact are read whole, whether the API gives them in pages or not."""

import pytest

from ac_mcp.gateway.whole_lists import send_whole
from ac_mcp.messages import Json, Request, Response

TAGS = Request("GET", "/contacts/2/contactTags", repeatable=True)


class Account:
    """A contact with so many tags, given in pages of `page` rows; 0 gives all of them whatever is asked."""

    def __init__(self, count: int, page: int, *, total: bool = False) -> None:
        self.rows: list[Json] = [{"id": str(number)} for number in range(count)]
        self.page, self.total = page, total
        self.asked: list[str] = []

    async def send(self, request: Request) -> Response:
        self.asked.append("&".join(f"{key}={value}" for key, value in request.query.items()))
        offset, limit = int(str(request.query.get("offset", 0))), int(str(request.query.get("limit", 20)))
        rows = self.rows[offset : offset + min(limit, self.page)] if self.page else self.rows
        meta: Json = {"meta": {"total": str(len(self.rows))}} if self.total else {}
        return Response(200, {"contactTags": rows, "other": 1, **meta})


@pytest.mark.parametrize(
    ("account", "requests"),
    [
        (Account(0, 100), 1),
        (Account(99, 100), 1),
        (Account(100, 100), 2),
        (Account(101, 100), 2),
        (Account(250, 100), 3),
        (Account(99, 0), 1),
        (Account(250, 0), 2),  # it ignores limit and offset: the second answer holds nothing new
        (Account(45, 20, total=True), 3),  # it gives smaller pages than asked for, and says how many there are
    ],
)
async def test_a_list_is_read_to_its_end(account: Account, requests: int) -> None:
    response = await send_whole(account.send, TAGS)
    assert [row["id"] for row in response.body["contactTags"]] == [row["id"] for row in account.rows]
    assert (response.body["other"], len(account.asked)) == (1, requests)


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/contacts/2"),
        Request("GET", "/tags"),
        Request("GET", "/contacts/2/contactTags", {"limit": "20"}),
        Request("POST", "/contacts/2/contactTags"),
        Request("GET", "/contacts/2/contactTags", plane="local"),
    ],
)
async def test_any_other_request_is_sent_as_it_is(request_: Request) -> None:
    account = Account(250, 100)
    await send_whole(account.send, request_)
    assert account.asked == ["&".join(f"{key}={value}" for key, value in request_.query.items())]
