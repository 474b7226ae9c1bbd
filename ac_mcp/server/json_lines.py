"""JSON-RPC messages as lines: what clients get wrong is repaired or refused, and what is written stays one line."""

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeGuard

import mcp_types as types
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from ac_mcp.messages import as_object
from ac_mcp.text import repair_escapes

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""The size of a message, over stdio and HTTP."""
END_BYTES = 64 * 1024
"""The part at either end of a line that is too long in which its id is looked for."""
MAX_TOKENS = 20_000
"""JSON tokens of a broken line in which its id is looked for."""
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
"""A token of JSON, or of something like it; a string may hold line breaks, or lack its end."""
ID_AT_END = re.compile(
    r',\s*"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*+")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$', re.DOTALL
)
"""The id as the last member of the outermost object, or the last but one."""
LINE_BREAKS = {ord(character): f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"}
"""The characters that JSON allows in a string and that some readers of lines take for the end of one."""


@dataclass(eq=False)
class NotAMessage(Exception):
    """A line that holds no JSON-RPC message; `id` is that of the request it was meant to be, where it can be read."""

    code: int
    text: str
    id: types.RequestId | None = None

    @property
    def answer(self) -> types.JSONRPCError:
        return types.JSONRPCError(jsonrpc="2.0", id=self.id, error=types.ErrorData(code=self.code, message=self.text))


@dataclass(frozen=True, slots=True)
class TooLong:
    """The two ends of a line that is longer than a message may be."""

    head: bytes
    tail: bytes


@dataclass(slots=True)
class LineSplitter:
    """Splits bytes into lines as they arrive, and stores no more than `limit` bytes of any."""

    limit: int = MAX_MESSAGE_BYTES
    _line: bytearray = field(default_factory=bytearray)
    _is_too_long: bool = False

    def feed(self, chunk: bytes) -> Generator[bytes | TooLong]:
        """Yield the lines that end in this chunk, without their line feed."""
        *endings, rest = chunk.split(b"\n")
        for ending in endings:
            self._append(ending)
            yield from self.take_rest()
        self._append(rest)

    def take_rest(self) -> Generator[bytes | TooLong]:
        """Yield what has arrived of the line that has not ended, unless it is blank."""
        line, is_too_long = bytes(self._line), self._is_too_long
        self._line, self._is_too_long = bytearray(), False
        if is_too_long:
            yield TooLong(line[:END_BYTES], line[-END_BYTES:])
        elif line.strip(b" \t\r\xef\xbb\xbf"):
            yield line

    def _append(self, part: bytes) -> None:
        self._line += part
        if self._is_too_long or len(self._line) > self.limit:
            self._is_too_long = True
            del self._line[END_BYTES:-END_BYTES]


def parse_message(line: bytes | TooLong) -> types.JSONRPCMessage:
    """Parse a line. An answer of the client that is malformed becomes an error, so that nothing waits for it.

    Raises:
        NotAMessage: if it is no request, notification or answer.
    """
    if isinstance(line, TooLong):
        id = find_request_id(decode(line.head), decode(line.tail))
        raise NotAMessage(types.INVALID_REQUEST, f"A message can have {MAX_MESSAGE_BYTES} bytes.", id)
    text = decode(line)
    try:
        value = parse_json(text)
    except ValueError as error:
        raise NotAMessage(types.PARSE_ERROR, f"This is not JSON: {error}.", find_request_id(text)) from None
    if isinstance(value, list):
        raise NotAMessage(types.INVALID_REQUEST, "Batches are no part of MCP: send each message on its own.")
    return to_message(as_object(value))


def decode(data: bytes) -> str:
    """Return bytes as text without byte order marks, with U+FFFD for what is not UTF-8."""
    return data.decode("utf-8", "replace").lstrip("\ufeff")


def parse_json(text: str) -> Any:
    """Parse JSON, with U+FFFD for single surrogates. Raises ValueError if it is none, or nested too deep."""
    try:
        return from_json(text)
    except ValueError:
        return from_json(repair_escapes(text))


def require_message(body: bytes) -> bytes:
    """Return the body of an HTTP request as JSON that any parser takes. Raises NotAMessage if it holds no message."""
    parse_message(body)
    text = decode(body)
    return (repair_escapes(text) if r"\ud" in text.lower() else text).encode()


def to_message(value: dict[str, Any]) -> types.JSONRPCMessage:
    """Return the message that a JSON object is. Raises NotAMessage if it is none."""
    id = value.get("id")
    is_request = "method" in value or not ("result" in value or "error" in value)
    try:
        if is_request and "id" in value and not is_request_id(id):
            raise NotAMessage(types.INVALID_REQUEST, "The id of a request is a text or a whole number.")
        return types.jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValidationError:
        known_id = id if is_request_id(id) else None
        refusal = NotAMessage(types.INVALID_REQUEST, "This is no JSON-RPC 2.0 request or notification.", known_id)
    if is_request:
        raise refusal
    return refusal.answer  # an answer is never answered: two sides that did would never end


def is_request_id(value: object) -> TypeGuard[types.RequestId]:
    """Return whether a value may be the id of a request."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def find_request_id(head: str, tail: str = "") -> types.RequestId | None:
    """Return the id of a request that cannot be parsed, or None if it is not certain.

    `tail` is the end of a line of which `head` is the beginning only. An id deeper inside is an argument, and that of
    an answer belongs to a request of ours.
    """
    members = find_members(head)
    if "method" not in members or "result" in members or "error" in members:
        return None
    at_end = ID_AT_END.search(tail)
    try:
        id = parse_json(members.get("id") or (at_end[1] if at_end else ""))
    except ValueError:
        return None
    return id if is_request_id(id) else None


def find_members(text: str) -> dict[str, str]:
    """Return the members of the outermost object that are complete: the last token of each value, by name."""
    members: dict[str, str] = {}
    depth, name, latest = 0, "", ""
    for match in islice(TOKEN.finditer(text), MAX_TOKENS):
        token = match[0]
        depth += (token in "{[") - (token in "}]")
        if depth > 1:
            continue
        if token == ":":
            name = latest.strip('"')
        elif name and (token == "," or depth < 1):
            members[name], name = latest, ""
        latest = token
    return members


def encode_message(message: types.JSONRPCMessage) -> bytes:
    """Return a message as one line of UTF-8, with U+FFFD for single surrogates and null for what is no number."""
    try:
        text = message.model_dump_json(by_alias=True, exclude_unset=True)
    except ValueError:
        escaped = json.dumps(message.model_dump(by_alias=True, exclude_unset=True))
        text = to_json(parse_json(escaped), inf_nan_mode="null").decode()
    return (text if text.isascii() else text.translate(LINE_BREAKS)).encode() + b"\n"
