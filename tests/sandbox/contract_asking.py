"""A request whose answer is compared with a recorded one."""

from dataclasses import dataclass
from typing import Any

Step = tuple[str, str, Any]


@dataclass(frozen=True)
class Ask:
    """A request, and the requests that put the sandbox in the needed state before it."""

    method: str
    path: str
    body: Any = None
    before: tuple[Step, ...] = ()


def get(path: str, *before: Step) -> Ask:
    return Ask("GET", path, None, before)


def post(path: str, body: Any, *before: Step) -> Ask:
    return Ask("POST", path, body, before)


def put(path: str, body: Any, *before: Step) -> Ask:
    return Ask("PUT", path, body, before)


def patch(path: str, body: Any) -> Ask:
    return Ask("PATCH", path, body)


def delete(path: str, *before: Step) -> Ask:
    return Ask("DELETE", path, None, before)
