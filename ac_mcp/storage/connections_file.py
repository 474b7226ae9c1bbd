"""The user's choices made with `ac-mcp connect`: the default connection and the names of connections.

Maton's own `metadata` of a connection is mostly empty, and its id tells nobody which account it is.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ac_mcp.messages import Json, as_object
from ac_mcp.storage.files import atomic_write

FILE = "connections.json"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionPreferences:
    """The choices for one key; all fields are empty if there are none."""

    default: str = ""
    """Id of the connection to use."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """By connection id."""
    host: str = ""
    """The base URL that answered, if it was not the usual one."""


def load_preferences(folder: Path | None, key: str) -> ConnectionPreferences:
    """Return the choices stored for a key; `key` is a hash, since it is written to a file."""
    entry = as_object(_read(folder).get(key)) if folder else {}
    names = {id: str(name) for id, name in as_object(entry.get("names")).items()}
    return ConnectionPreferences(str(entry.get("default") or ""), names, str(entry.get("host") or ""))


def save_preferences(folder: Path, key: str, preferences: ConnectionPreferences) -> None:
    """Store the choices for a key (a hash). If two processes save at the same moment, the later one wins.

    Raises:
        OSError: if the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    entry = {"default": preferences.default, "names": dict(preferences.names)}
    entries = {**_read(folder), key: entry | ({"host": preferences.host} if preferences.host else {})}
    atomic_write(folder / FILE, json.dumps(entries, ensure_ascii=False, indent=2).encode())


def _read(folder: Path) -> Json:
    """Return the file's content, `{key: {"default": id, "names": {id: name}, "host": url}}`; {} if it has none."""
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        return as_object(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        log.warning("%s cannot be read and is not believed; ac-mcp connect writes it anew.", path)
        return {}
