"""A stand-in for the Messages API of Anthropic: it asks for one tool, and then repeats what the tool answered.

So a whole agent (Claude Code, and what is built on it) runs on this machine without a language model.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ac_mcp.messages import Json, as_objects

TOOL = "mcp__activecampaign__count_contacts"
ARGUMENTS = {"where": ["tag=VIP"]}


def block_for(request: dict[str, Any]) -> dict[str, Any]:
    """What the model says next: the call, or what came of it."""
    results = [part for part in as_objects(request["messages"][-1]["content"]) if part.get("type") == "tool_result"]
    if results:
        said: Any = results[0]["content"]
        return {"type": "text", "text": said if isinstance(said, str) else said[0]["text"]}
    if request.get("tools"):
        return {"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": ARGUMENTS}
    return {"type": "text", "text": "Contacts"}


def events(request: dict[str, Any]) -> list[dict[str, Any]]:
    """One message as the API streams it."""
    block = block_for(request)
    tool = block["type"] == "tool_use"
    told = json.dumps(ARGUMENTS)
    delta = (
        {"type": "input_json_delta", "partial_json": told} if tool else {"type": "text_delta", "text": block["text"]}
    )
    begun: Json = block | ({"input": {}} if tool else {"text": ""})
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: Json = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": request.get("model"), "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    why = {"stop_reason": "tool_use" if tool else "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": begun},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": why, "usage": usage},
        {"type": "message_stop"},
    ]


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if "/messages" not in self.path or "count_tokens" in self.path:
            self.send(b'{"input_tokens": 1}', "application/json")
            return
        told = events(request)
        if request.get("stream"):
            lines = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in told)
            self.send(lines.encode(), "text/event-stream")
            return
        message = told[0]["message"] | {"content": [block_for(request)], "stop_reason": told[4]["delta"]["stop_reason"]}
        self.send(json.dumps(message).encode(), "application/json")

    def do_GET(self) -> None:
        self.send(b"{}", "application/json")

    def do_HEAD(self) -> None:
        self.send(b"", "application/json")

    def send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def standing_in() -> Generator[str]:
    """Its address, while it serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
