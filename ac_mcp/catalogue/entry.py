"""The entries of the catalogue, and the parser of its files."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from keyword import iskeyword
from typing import Any, Literal

Place = Literal["path", "query", "body"]
PARAMETER = re.compile(r"((?P<ours>[a-z_]+)=)?(?P<wire>[^*@:\s]+)(?P<must>\*?)( @(?P<kind>\w+))?(: (?P<text>.+))?")
"""A parameter in a TOML file, see `parse_parameters`."""
KINDS: Mapping[str, str] = {
    "contact": "contacts", "tag": "tags", "list": "lists", "deal": "deals", "stage": "dealStages",
    "pipeline": "dealGroups", "automation": "automations", "campaign": "campaigns", "user": "users",
    "account": "accounts", "field": "fields", "segment": "segments",
}  # fmt: skip
"""The kinds of the path parameters that take a name besides an id."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An attribute an operation takes: `wire` is the API's name, `text` a description of a few words."""

    wire: str
    place: Place
    required: bool = False
    kind: str = ""
    """The kind of record whose id it holds: it takes a name too then. "" if it holds something else."""
    text: str = ""
    ours: str = ""
    """Our name, where the derived one belongs to another parameter."""

    @property
    def name(self) -> str:
        """Our name: `filters[due_after]` is due_after, `orders[cdate]` order_by_cdate, `dealTasktype` deal_tasktype."""
        if self.ours:
            return self.ours
        inner = re.sub(r"^filters?\[([^\]]+)\]", r"\1", self.wire)
        inner = re.sub(r"^orders\[([^\]]+)\]", r"order_by_\1", inner)
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", inner).lower()
        plain = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
        return f"{plain}_" if iskeyword(plain) or plain in RESERVED else plain


RESERVED = ("copy", "json", "schema", "validate", "construct", "dict")
"""Names that a field of a pydantic model cannot have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented operation of the API."""

    id: str
    method: str
    path: str
    does: str
    """The description."""
    takes: tuple[Parameter, ...]
    """The parameters, those of the path first."""
    wrapper: str = ""
    """The key its body is wrapped in; "" for none."""
    bare: bool = False
    """Its body is a list."""
    kind: Literal["read", "write", "destructive"] = "write"
    mails: str = ""
    """The mail that people may get because of it; "" for none."""
    undo: bool = True
    """Whether an undo may delete what it creates, or recreate what it deletes: not if records soon depend on it."""
    pages: bool = False
    """It takes limit and offset."""
    answer: str = ""
    """The form of the response, where it is not the usual one."""
    words: str = ""
    """Search phrases: other words people use for it."""
    own: str = ""
    """The operation of this product that does all of it, more carefully, and runs instead."""
    like: tuple[str, ...] = ()
    """The tools of this product that do the same: if one of them is switched off, so is this operation."""
    clears: str = ""
    """The list of values whose left-out items it clears in the record that it replaces; "" if it clears none."""
    asks: Mapping[str, str] = field(default_factory=dict[str, str])
    """The parameters that make it need confirmation, each with the reason."""

    @property
    def route(self) -> str:
        """The method and the path, the names of path parameters left out: `GET /forms/{}`."""
        return route(self.method, self.path)

    @property
    def collection(self) -> str:
        """The first segment of its path, which is the plural of its resource."""
        return self.path.split("/")[1]


def route(method: str, path: str) -> str:
    """Return the method and the path, the names of path parameters left out."""
    return f"{method} {re.sub('{[^}]+}', '{}', path)}"


@cache
def catalogue() -> Mapping[str, Entry]:
    """Return all entries by id, such as `deal_tasks.create`; the files are read once, on the first call."""
    entries: dict[str, Entry] = {}
    for file in sorted(files("ac_mcp.catalogue").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            for group, tables in tomllib.loads(file.read_text(encoding="utf-8")).items():
                entries |= {f"{group}.{verb}": parse_entry(f"{group}.{verb}", table) for verb, table in tables.items()}
    return entries


def parse_entry(id: str, table: Mapping[str, Any]) -> Entry:
    """Parse one table of a TOML file.

    Raises:
        ValueError: if the route or a parameter is malformed.
    """
    method, path = table["route"].split()
    query, body = parse_parameters(table.get("query", ()), "query"), parse_parameters(table.get("body", ()), "body")
    default_kind = {"GET": "read", "DELETE": "destructive"}.get(method, "write")
    lists = method == "GET" and not path.endswith("}")
    return Entry(
        id,
        method,
        path,
        does=table["does"],
        takes=(*path_parameters(path), *query, *body),
        wrapper=table.get("wrapper", ""),
        bare=table.get("bare", False),
        kind=table.get("kind", default_kind),
        mails=table.get("mails", ""),
        undo=table.get("undo", True),
        pages=table.get("total", lists),
        answer=table.get("answer", ""),
        words=table.get("words", ""),
        own=table.get("own", ""),
        like=tuple(table.get("like", ())),
        clears=table.get("clears", ""),
        asks=table.get("asks", {}),
    )


def path_parameters(path: str) -> Iterator[Parameter]:
    """Yield the parameters of a path."""
    for name in re.findall("{(\\w+)}", path):
        kind = KINDS.get(name, "")
        yield Parameter(name, "path", True, kind, "name or id" if kind else "")


def parse_parameters(texts: Iterable[str], place: Place) -> Iterator[Parameter]:
    """Yield the parameters in texts such as `ours=wire* @contacts: description`.

    The star marks a required parameter, the kind one that holds the id of such a record. All but `wire` is optional.

    Raises:
        ValueError: if a text has another form.
    """
    for text in texts:
        if not (found := PARAMETER.fullmatch(text)):
            raise ValueError(f"not a parameter: {text}")
        required, kind = bool(found["must"]), found["kind"] or ""
        yield Parameter(found["wire"], place, required, kind=kind, text=found["text"] or "", ours=found["ours"] or "")
