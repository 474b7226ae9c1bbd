"""A client's configuration file: this server put in or taken out, and what would become of it."""

import json
import time
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, cast

from ac_mcp.messages import Json, as_object
from ac_mcp.storage.files import atomic_write

NAME = "activecampaign"
SERVERS = "mcpServers"
HIDDEN = "***"
"""What stands for a secret where it is shown."""


class CannotSetUp(Exception):
    """The text says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of a client's file."""

    path: Path
    before: str
    """Its text; empty where there is none."""
    after: Json

    @property
    def text(self) -> str:
        return json.dumps(self.after, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def difference(self) -> str:
        """What is said of this server, line by line and without secrets; others are not shown."""
        was, will = (
            as_object(parse_config(self.path, self.before).get(SERVERS)).get(NAME),
            as_object(self.after[SERVERS]).get(NAME),
        )
        before, after = (
            json.dumps(without_secrets(one, will), indent=2).splitlines() if one else [] for one in (was, will)
        )
        return "\n".join(list(unified_diff(before, after, n=99, lineterm=""))[3:])

    def write(self) -> Path | None:
        """The backup of what stood there, if anything did.

        Raises:
            CannotSetUp: where it cannot be written, or has become another file since it was shown.
        """
        try:
            content = self.text.encode()
            path = self.path.resolve()  # a link stays a link
            path.parent.mkdir(parents=True, exist_ok=True)
            if read(path) != self.before:
                raise CannotSetUp(f"{self.path} has changed meanwhile. Nothing was changed: run this again.")
            backup = None
            if self.before:
                backup = free_backup_name(path)
                atomic_write(backup, path.read_bytes())
            atomic_write(path, content)
        except (OSError, ValueError) as error:
            raise CannotSetUp(f"{self.path} cannot be written ({error}). Nothing was changed.") from None
        return backup


def read(path: Path) -> str:
    """The text of a client's file; empty where there is none.

    Raises:
        CannotSetUp: where it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise CannotSetUp(f"{path} cannot be read: it is no file. Nothing was changed.")
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, ValueError, RuntimeError) as error:
        raise CannotSetUp(f"{path} cannot be read ({error}). Nothing was changed.") from None


def free_backup_name(path: Path) -> Path:
    """A name for a backup that nothing has."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (path.with_name(f"{path.name}.{stamp}{f'-{n}' if n else ''}.bak") for n in range(1000))
    return next(name for name in names if not name.exists())


def without_secrets(one: Any, ours: Any) -> Json:
    """An entry as it may be shown: of one somebody made by hand only the words that this server's own has too."""
    mine, shown = as_object(ours), as_object(one)
    told: Json = {}
    for key, value in shown.items():
        if key == "env":
            changed = {
                name for name, inner in as_object(value).items() if as_object(mine.get("env")).get(name) != inner
            }
            other = f"{HIDDEN} (another)" if mine else HIDDEN
            told[key] = {name: other if name in changed else HIDDEN for name in as_object(value)}
        elif key == "args" and isinstance(value, list):
            known = cast("list[Any]", mine.get("args") or [])
            told[key] = [word if word in known else HIDDEN for word in cast("list[Any]", value)]
        else:
            told[key] = value if key == "command" and isinstance(value, str) else HIDDEN
    return told


def parse_config(path: Path, text: str) -> Json:
    """Raises CannotSetUp for what is no JSON object: a file that is not understood is not touched."""
    try:
        told: Any = (
            json.loads(text, object_pairs_hook=without_duplicates, parse_constant=no_number) if text.strip() else {}
        )
    except (ValueError, RecursionError) as error:
        raise CannotSetUp(f"{path} is not JSON ({error}). Nothing was changed: mend it, or move it away.") from None
    servers = as_object(told).get(SERVERS)
    if not isinstance(told, dict) or not (servers is None or isinstance(servers, dict)):
        raise CannotSetUp(f"{path} does not hold an object with {SERVERS}. Nothing was changed.")
    return as_object(told)


def without_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    """An object none of whose names is lost. Raises ValueError where one stands twice."""
    if len(told := dict(pairs)) < len(pairs):
        raise ValueError("a name stands in it twice")
    return told


def no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number there")


def plan_change(path: Path, entry: Json | None) -> Change | None:
    """With this server in the file, or without it; None where that is so already.

    Raises:
        CannotSetUp: for a file that cannot be read or understood.
    """
    before = read(path)
    told = parse_config(path, before)
    there = as_object(told.get(SERVERS))
    if entry is None and NAME not in there:
        return None
    servers = {name: one for name, one in there.items() if name != NAME or entry}
    servers |= {NAME: entry} if entry else {}
    after = {**told, SERVERS: servers}
    return None if after == told else Change(path, before, after)
