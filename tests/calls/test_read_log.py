"""The answers of a pass serve the next pass of the same call, once each, and none after a write."""

from typing import Any

from ac_mcp.calls.tool_call import LoggedReads, ReadLog
from ac_mcp.messages import Request, Response


class Counting:
    """Answers each request with its number."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    async def send(self, request: Request, /) -> Response:
        self.sent.append(request)
        return Response(200, {"n": len(self.sent)})


def read(path: str, **query: Any) -> Request:
    return Request("GET", path, query, repeatable=True)


async def test_the_second_pass_asks_for_nothing_that_the_first_has_read() -> None:
    inner, log = Counting(), ReadLog()
    first = LoggedReads(inner, log, ReadLog())
    answers = [await first.send(read("/tags")), await first.send(read("/tags", offset="100"))]
    second = LoggedReads(inner, log, log.hand_over())
    assert [await second.send(read("/tags")), await second.send(read("/tags", offset="100"))] == answers
    assert len(inner.sent) == 2


async def test_who_asks_twice_in_the_second_pass_gets_a_new_answer() -> None:
    inner, log = Counting(), ReadLog()
    await LoggedReads(inner, log, ReadLog()).send(read("/segments/1"))
    second = LoggedReads(inner, log, log.hand_over())
    assert [(await second.send(read("/segments/1"))).body["n"] for _ in range(3)] == [1, 2, 3]


async def test_after_a_write_nothing_read_before_is_believed() -> None:
    inner, log = Counting(), ReadLog()
    await LoggedReads(inner, log, ReadLog()).send(read("/tags"))
    second = LoggedReads(inner, log, log.hand_over())
    await second.send(Request("POST", "/tags", body={"tag": {"tag": "VIP"}}))
    assert (await second.send(read("/tags"))).body == {"n": 3}
    assert (await LoggedReads(inner, log, log.hand_over()).send(read("/tags"))).body == {"n": 3}


async def test_a_read_that_joins_no_other_is_always_sent() -> None:
    inner, log = Counting(), ReadLog()
    await LoggedReads(inner, log, ReadLog()).send(read("/deals"))
    second = LoggedReads(inner, log, log.hand_over())
    await second.send(Request("GET", "/deals", repeatable=True, unshared=True))
    assert len(inner.sent) == 2
