"""One operation of the catalogue, and the reading of its files."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from keyword import iskeyword
from typing import Any, Literal

Place = Literal["path", "query", "body"]
PARAMETER = re.compile(r"((?P<ours>[a-z_]+)=)?(?P<wire>[^*@:\s]+)(?P<must>\*?)( @(?P<kind>\w+))?(: (?P<text>.+))?")
KINDS: Mapping[str, str] = {
    "contact": "contacts", "tag": "tags", "list": "lists", "deal": "deals", "stage": "dealStages",
    "pipeline": "dealGroups", "automation": "automations", "campaign": "campaigns", "user": "users",
    "account": "accounts", "field": "fields", "segment": "segments",
}  # fmt: skip
"""What a parameter of a path names, where names are taken for it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An attribute an operation takes: the API's name for it, and in a few words what it is."""

    wire: str
    place: Place
    required: bool = False
    kind: str = ""
    """Of which kind of thing it holds an id: then a name is taken too."""
    text: str = ""
    ours: str = ""
    """Our name for it, where another parameter has the one that would follow."""

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
"""What a field of a pydantic model cannot be called."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented operation."""

    id: str
    method: str
    path: str
    does: str
    takes: tuple[Parameter, ...]
    wrapper: str = ""
    """The key its body is wrapped in; empty where it is not."""
    bare: bool = False
    """Its body is a list."""
    kind: Literal["read", "write", "destructive"] = "write"
    mails: str = ""
    """What goes out to people because of it."""
    undo: bool = True
    """Whether what it makes may be deleted again, or made what it deletes: not where other things soon hang on it."""
    pages: bool = False
    """It takes limit and offset."""
    answer: str = ""
    words: str = ""
    """What people call it, for the search only."""
    own: str = ""
    """The operation of ours that does all of it, with more care, and is to be run instead."""
    like: tuple[str, ...] = ()
    """Tools of ours that do the same: where one of them is switched off, so is this."""
    asks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why it waits for a yes, by the parameter that makes it so."""

    @property
    def route(self) -> str:
        """Method and path, whatever the parts of the path are called."""
        return route(self.method, self.path)

    @property
    def collection(self) -> str:
        """The first part of its path: what its kind of thing is called."""
        return self.path.split("/")[1]


def route(method: str, path: str) -> str:
    return f"{method} {re.sub('{[^}]+}', '{}', path)}"


@cache
def catalogue() -> Mapping[str, Entry]:
    """All of it by id, such as `deal_tasks.create`; read once, when it is first asked for."""
    found: dict[str, Entry] = {}
    for file in sorted(files("ac_mcp.catalogue").iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            for group, tables in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found |= {f"{group}.{verb}": entry(f"{group}.{verb}", table) for verb, table in tables.items()}
    return found


def entry(id: str, table: Mapping[str, Any]) -> Entry:
    """Raises ValueError for what is not written as it should be."""
    method, path = table["route"].split()
    usual = {"GET": "read", "DELETE": "destructive"}.get(method, "write")
    lists = method == "GET" and not path.endswith("}")
    return Entry(
        id,
        method,
        path,
        table["does"],
        (*in_path(path), *listed(table.get("query", ()), "query"), *listed(table.get("body", ()), "body")),
        table.get("wrapper", ""),
        table.get("bare", False),
        table.get("kind", usual),
        table.get("mails", ""),
        table.get("undo", True),
        table.get("total", lists),
        table.get("answer", ""),
        table.get("words", ""),
        table.get("own", ""),
        tuple(table.get("like", ())),
        table.get("asks", {}),
    )


def in_path(path: str) -> Iterator[Parameter]:
    for name in re.findall("{(\\w+)}", path):
        kind = KINDS.get(name, "")
        yield Parameter(name, "path", True, kind, "name or id" if kind else "")


def listed(texts: list[str], place: Place) -> Iterator[Parameter]:
    """`ours=wire* @contacts: what it is`: a star where it is required, the kind where it holds the id of one."""
    for text in texts:
        if not (read := PARAMETER.fullmatch(text)):
            raise ValueError(f"not a parameter: {text}")
        yield Parameter(
            read["wire"], place, bool(read["must"]), read["kind"] or "", read["text"] or "", read["ours"] or ""
        )
