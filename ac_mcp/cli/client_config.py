"""A client's configuration file: this server added or removed, with a diff before anything is written."""

import json
import time
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, cast

from ac_mcp.messages import Json, as_object
from ac_mcp.storage.files import atomic_write

NAME = "activecampaign"
"""The name of this server in clients."""
SERVERS = "mcpServers"
"""The key that holds the servers, by name."""
HIDDEN = "***"
"""Replaces a secret in a diff."""


class CannotSetUp(Exception):
    """The text gives the reason, and says that nothing was changed."""


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """A change to a client's file, not written yet."""

    path: Path
    before: str
    """The text of the file; "" if there is none."""
    after: Json

    @property
    def text(self) -> str:
        """The new text of the file."""
        return json.dumps(self.after, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def diff(self) -> str:
        """Return the changed lines of this server's entry, without secrets and without other servers."""
        old = as_object(parse_config(self.path, self.before).get(SERVERS)).get(NAME)
        new = as_object(self.after[SERVERS]).get(NAME)
        before, after = (
            json.dumps(hide_secrets(entry, new), indent=2).splitlines() if entry else [] for entry in (old, new)
        )
        return "\n".join(list(unified_diff(before, after, n=99, lineterm=""))[3:])

    def write(self) -> Path | None:
        """Write the file and return the path of the backup; None if there was no file.

        Raises:
            CannotSetUp: if it cannot be written, or has changed since this change was planned.
        """
        try:
            content = self.text.encode()
            path = self.path.resolve()  # a link stays a link
            path.parent.mkdir(parents=True, exist_ok=True)
            if read_config(path) != self.before:
                raise CannotSetUp(f"{self.path} has changed meanwhile. Nothing was changed: run this again.")
            backup = None
            if self.before:
                backup = free_backup_name(path)
                atomic_write(backup, path.read_bytes())
            atomic_write(path, content)
        except (OSError, ValueError) as error:
            raise CannotSetUp(f"{self.path} cannot be written ({error}). Nothing was changed.") from None
        return backup


def read_config(path: Path) -> str:
    """Return the text of a client's file; "" if there is none.

    Raises:
        CannotSetUp: if it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise CannotSetUp(f"{path} cannot be read: it is no file. Nothing was changed.")
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, ValueError, RuntimeError) as error:
        raise CannotSetUp(f"{path} cannot be read ({error}). Nothing was changed.") from None


def free_backup_name(path: Path) -> Path:
    """Return the path for a backup: the name with the time, and a number if that is in use."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (path.with_name(f"{path.name}.{stamp}{f'-{n}' if n else ''}.bak") for n in range(1000))
    return next(name for name in names if not name.exists())


def hide_secrets(entry: Any, new_entry: Any) -> Json:
    """Return an entry as it may be shown: its command, and those of its arguments that the new entry has too.

    Users put secrets anywhere in an entry that they wrote by hand. An environment variable is marked as another if its
    value differs from that of the new entry.
    """
    old, new = as_object(entry), as_object(new_entry)
    public: Json = {}
    for key, value in old.items():
        if key == "env":
            old_env, new_env = as_object(value), as_object(new.get("env"))
            other = f"{HIDDEN} (another)" if new else HIDDEN
            public[key] = {name: HIDDEN if new_env.get(name) == item else other for name, item in old_env.items()}
        elif key == "args" and isinstance(value, list):
            public_words = cast("list[Any]", new.get("args") or [])
            public[key] = [word if word in public_words else HIDDEN for word in cast("list[Any]", value)]
        else:
            public[key] = value if key == "command" and isinstance(value, str) else HIDDEN
    return public


def parse_config(path: Path, text: str) -> Json:
    """Parse the text of a client's file; {} if it is empty.

    Raises:
        CannotSetUp: if it is not a JSON object of the expected shape; such a file must not be overwritten.
    """
    try:
        config: Any = (
            json.loads(text, object_pairs_hook=reject_duplicates, parse_constant=reject_constant)
            if text.strip()
            else {}
        )
    except (ValueError, RecursionError) as error:
        raise CannotSetUp(f"{path} is not JSON ({error}). Nothing was changed: mend it, or move it away.") from None
    servers = as_object(config).get(SERVERS)
    if not isinstance(config, dict) or not (servers is None or isinstance(servers, dict)):
        raise CannotSetUp(f"{path} does not hold an object with {SERVERS}. Nothing was changed.")
    return as_object(config)


def reject_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    """Return the pairs as an object. Raises ValueError for a repeated name, whose first value would be lost."""
    if len(config := dict(pairs)) < len(pairs):
        raise ValueError("a name stands in it twice")
    return config


def reject_constant(text: str) -> Any:
    """Raise ValueError for NaN and Infinity, which are not JSON."""
    raise ValueError(f"{text} is no number there")


def plan_change(path: Path, entry: Json | None) -> ConfigChange | None:
    """Return the change that puts this server's entry into the file, or removes it if `entry` is None.

    None means that the file needs no change.

    Raises:
        CannotSetUp: if the file cannot be read or parsed.
    """
    before = read_config(path)
    config = parse_config(path, before)
    old_servers = as_object(config.get(SERVERS))
    if entry is None and NAME not in old_servers:
        return None
    servers = {name: server for name, server in old_servers.items() if name != NAME or entry}
    if entry:
        servers[NAME] = entry
    after = {**config, SERVERS: servers}
    return None if after == config else ConfigChange(path, before, after)
