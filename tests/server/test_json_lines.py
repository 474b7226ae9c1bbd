"""Lines as clients write them: repaired, refused with the id of the request, and never one that is silently dropped."""

import json
from typing import Any

import mcp_types as types
import pytest

from ac_mcp.server.json_lines import (
    END_BYTES,
    MAX_MESSAGE_BYTES,
    LineSplitter,
    NotAMessage,
    TooLong,
    encode_message,
    parse_message,
    require_message,
)

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


def with_argument(value: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"value":' + value + b"}}"


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (rb'"cut \ud83d"', "cut \ufffd"),
        (rb'"\ude00 cut"', "\ufffd cut"),
        (rb'"\uD83D\uD83D\uDE00\uDE00"', "\ufffd\U0001f600\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\ud83d"', r"\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\\\\ud83d \"\ud83d"', '\\\\ud83d "\ufffd'),
        (rb'"\\ud83d\ude00"', "\\ud83d\ufffd"),
        (rb'"\ud83dx\u0041"', "\ufffdxA"),
        (rb'{"\ud83d":["\ude00"]}', {"\ufffd": ["\ufffd"]}),
        (b'"a\xff\xfeb"', "a\ufffd\ufffdb"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
        (rb'"\u0000\u0007"', "\x00\x07"),
    ],
)
def test_what_is_no_character_becomes_the_replacement_character(sent: bytes, value: object) -> None:
    message = parse_message(with_argument(sent))
    assert isinstance(message, types.JSONRPCRequest)
    assert (message.id, message.params) == (7, {"value": value})
    assert json.loads(require_message(with_argument(sent)))["params"] == {"value": value}


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_byte_order_marks_and_carriage_returns_are_no_part_of_a_message(mark: bytes) -> None:
    assert parse_message(mark + PING + b"\r") == types.JSONRPCRequest(jsonrpc="2.0", id=1, method="ping")
    assert json.loads(require_message(mark + PING)) == json.loads(PING)


REFUSED: dict[str, tuple[bytes, int, Any]] = {
    "garbage": (b"this is not json", -32700, None),
    "a request that breaks off": (b'{"jsonrpc":"2.0","id":77,"method":"tools/list","params":', -32700, 77),
    "an id that may have broken off": (b'{"jsonrpc":"2.0","method":"tools/list","id":7', -32700, None),
    "an id that is an argument": (b'{"method":"x","params":{"id":5}, "arguments":{"id":6}', -32700, None),
    "an id in an argument's text": (rb'{"method":"x","params":{"a":"\",\"id\":5}"},"b":', -32700, None),
    "an answer that breaks off": (b'{"jsonrpc":"2.0","id":3,"result":{},"method":"x","a":', -32700, None),
    "a raw control character": (b'{"jsonrpc":"2.0","id":"a","method":"x","params":{"b":"\x01"}}', -32700, "a"),
    "its id behind it": (b'{"method":"x","params":{"b":"\x01 \\" {"},"jsonrpc":"2.0","id":8}', -32700, 8),
    "3,000 levels": (with_argument(b"[" * 3000 + b"]" * 3000), -32700, 7),
    "a number of 5,000 digits": (with_argument(b"9" * 5000), -32700, 7),
    "two values": (PING + PING, -32700, 1),
    "a batch": (b"[" + PING + b"]", -32600, None),
    "a text": (b'"ping"', -32600, None),
    "an empty object": (b"{}", -32600, None),
    "an id of null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
    "an id that is a fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None),
    "an id of true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
    "another version": (b'{"jsonrpc":"1.0","id":4,"method":"ping"}', -32600, 4),
    "params in a list": (b'{"jsonrpc":"2.0","id":4,"method":"ping","params":[1]}', -32600, 4),
    "no method": (b'{"jsonrpc":"2.0","id":4}', -32600, 4),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_line_that_is_no_message_is_refused_for_its_id_where_that_is_certain(case: str) -> None:
    line, code, id = REFUSED[case]
    with pytest.raises(NotAMessage) as refused:
        parse_message(line)
    answer = json.loads(encode_message(refused.value.answer))
    assert (answer["error"]["code"], answer["id"]) == (code, id)


@pytest.mark.parametrize("body", ['"result":null', '"result":[1]', '"error":"no"', '"error":{"code":"x"}'])
def test_a_malformed_answer_of_the_client_is_an_error_for_what_waits_for_it(body: str) -> None:
    for id in ("3", "null"):
        message = parse_message(f'{{"jsonrpc":"2.0","id":{id},{body}}}'.encode())
        assert isinstance(message, types.JSONRPCError)
        assert (message.id, message.error.code) == (json.loads(id), -32600)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_are_the_same_whatever_the_pieces_they_arrive_in(size: int) -> None:
    sent = b"one\r\n\n \r\n\xef\xbb\xbf\r\ntwo\n" + b"x" * 30 + b"\nthree"
    splitter = LineSplitter(limit=20)
    lines = [line for start in range(0, len(sent), size) for line in [*splitter.feed(sent[start : start + size])]]
    assert [*lines, *splitter.take_rest()] == [b"one\r", b"two", TooLong(b"x" * 30, b"x" * 30), b"three"]


def test_a_line_that_is_too_long_takes_no_memory_and_is_refused_for_its_id() -> None:
    start, text = b'{"method":"tools/call","params":{"name":"x","arguments":{"id":3,"a":"', b"x" * 2**16
    for end, id in ((b'"}},"jsonrpc":"2.0","id":77}', 77), (b'"}},"id":"a\\"b","jsonrpc":"2.0"}', 'a"b'), (b'"', None)):
        splitter = LineSplitter()
        assert [*splitter.feed(start)] == []
        for _ in range(10 * MAX_MESSAGE_BYTES // len(text)):
            assert [*splitter.feed(text)] == []
            assert len(splitter._line) <= MAX_MESSAGE_BYTES  # pyright: ignore[reportPrivateUsage]
        assert len(splitter._line) == 2 * END_BYTES  # pyright: ignore[reportPrivateUsage]
        (line,) = splitter.feed(end + b"\n")
        with pytest.raises(NotAMessage) as refused:
            parse_message(line)
        assert (refused.value.code, refused.value.id) == (-32600, id)
        assert [*splitter.feed(PING + b"\n")] == [PING]


def test_what_is_written_is_one_line_of_json_whatever_it_holds() -> None:
    result = {"\ud83d": "\ude00 \u2028 \u2029 \x85 \n é", "number": float("nan")}
    for message in (
        types.JSONRPCResponse(jsonrpc="2.0", id=1, result=result),
        types.JSONRPCResponse(jsonrpc="2.0", id=1, result={"\ufffd": "\ufffd \u2028 \u2029 \x85 \n é", "number": None}),
    ):
        line = encode_message(message)
        assert line.decode().splitlines(keepends=True) == [line.decode()]
        assert line.endswith(b"\n")
        assert json.loads(line) == {
            "jsonrpc": "2.0",
            "id": 1,
            "result": {"\ufffd": "\ufffd \u2028 \u2029 \x85 \n é", "number": None},
        }
