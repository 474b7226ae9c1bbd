"""Faults on demand: what the next matching requests suffer, as they do in the world (reference 2.5 to 2.7)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

HEADER = "x-sandbox-fault"
HTML = "<html><head><title>{0} Error</title></head><body><center><h1>{0} Error</h1></center></body></html>"


@dataclass(frozen=True)
class Spoiled:
    """An answer in place of the true one; None for what stays true."""

    status: int | None = None
    body: str | None = None
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    share: float = 1.0  # of the true body


def _failing(status: int) -> dict[str, Spoiled]:
    return {
        f"{status}": Spoiled(status, '{"message":"Internal Server Error"}'),
        f"{status}-html": Spoiled(status, HTML.format(status), "text/html; charset=UTF-8"),
        f"{status}-empty": Spoiled(status, "", None),
    }


SPOILED: Mapping[str, Spoiled] = {
    **_failing(500),
    **_failing(502),
    **_failing(503),
    **_failing(520),
    "429": Spoiled(429, ""),
    "429-seconds": Spoiled(429, "", headers={"Retry-After": "seconds"}),
    "429-date": Spoiled(429, "", headers={"Retry-After": "date"}),
    "503-seconds": Spoiled(503, "", headers={"Retry-After": "seconds"}),
    "403": Spoiled(403, '{"message":"Forbidden"}'),
    "403-empty": Spoiled(403, "", None),
    "401": Spoiled(401, '{"error":"Invalid API key"}'),
    "412": Spoiled(412, '{"detail":"Could not resolve a connection"}'),
    "oauth": Spoiled(500, '{"error":"Internal Server Error"}'),
    "empty": Spoiled(body=""),
    "truncated": Spoiled(share=0.5),
    "text": Spoiled(content_type="text/html; charset=UTF-8"),
}
TRANSPORT = ("drop", "reset", "hang", "drip", "cut")
"""What only a transport can do: see front.py."""
DONE = ("empty", "truncated", "text", "cut", "drip")
"""Faults of the answer alone: what was asked is done before them."""
KINDS = (*SPOILED, *TRANSPORT)


class BadFault(ValueError):
    """A description that names no fault; its text says what there is."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault, for the next `times` requests that match; `after` the request was carried out."""

    kind: str
    times: int = 1
    method: str = ""
    path: str = ""
    after: bool = False
    seconds: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("", method) and self.path in path

    @property
    def carried_out(self) -> bool:
        return self.after or self.kind in DONE


def parse(text: str) -> Fault:
    """`503-html;times=3;method=POST;path=/deals;after`: the kind first, the rest in any order."""
    kind, *rest = [part.strip() for part in text.split(";") if part.strip()] or [""]
    if kind not in KINDS:
        raise BadFault(f"There is no fault {kind!r}. There are: {', '.join(KINDS)}.")
    pairs = {name: value for name, _, value in (part.partition("=") for part in rest)}
    if unknown := pairs.keys() - {"times", "method", "path", "after", "seconds"}:
        raise BadFault(f"A fault has no {', '.join(sorted(unknown))}: it has times, method, path, after, seconds.")
    try:
        times, seconds = int(pairs.get("times", "1")), float(pairs.get("seconds", "1"))
    except ValueError:
        raise BadFault("times and seconds are numbers.") from None
    return Fault(kind, times, pairs.get("method", "").upper(), pairs.get("path", ""), "after" in pairs, seconds)


class Faults:
    """The faults that are waiting for their requests."""

    def __init__(self, waiting: Iterable[Fault] = ()) -> None:
        self.waiting = list(waiting)

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, method: str, path: str, header: str | None, kinds: Iterable[str]) -> Fault | None:
        """The fault of this request: the one its header asks for, else the first that waits for one like it."""
        if header is not None:
            fault = parse(header)
            return fault if fault.kind in kinds else None
        known = tuple(kinds)
        for place, fault in enumerate(self.waiting):
            if fault.kind in known and fault.matches(method, path):
                left = replace(fault, times=fault.times - 1)
                self.waiting[place : place + 1] = [left] if left.times else []
                return fault
        return None


def spoil(fault: Fault, true: tuple[int, Mapping[str, str], bytes], now: Callable[[], datetime]) -> Any:
    """Status, headers and body as the fault leaves them."""
    spoiled = SPOILED[fault.kind]
    status, _, body = true
    told = {"seconds": f"{fault.seconds:g}", "date": format_datetime(now() + timedelta(seconds=fault.seconds))}
    kept = {} if spoiled.content_type is None else {"content-type": spoiled.content_type}
    kept |= {name: told[value] for name, value in spoiled.headers.items()}
    whole = body if spoiled.body is None else spoiled.body.encode()
    return spoiled.status or status, kept, whole[: int(len(whole) * spoiled.share)]
