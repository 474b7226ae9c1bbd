"""What somebody has said of their connections with `ac-mcp connect`: which one is used, and what each is called.

Maton's own notes of a connection (`metadata`) are mostly empty, and its id tells nobody which account it is.
"""

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ac_mcp.messages import Json, as_object

FILE = "connections.json"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionPreferences:
    """Of one key; both empty where nothing was said."""

    default: str = ""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """By connection id."""


def load_preferences(folder: Path | None, key: str) -> ConnectionPreferences:
    """`key` is hidden: it stands in a file."""
    found = as_object(_read(folder).get(key)) if folder else {}
    names = {id: str(name) for id, name in as_object(found.get("names")).items()}
    return ConnectionPreferences(str(found.get("default") or ""), names)


def save_preferences(folder: Path, key: str, said: ConnectionPreferences) -> None:
    """Keeps it for the processes to come; of two that keep something at the same moment the later one stands.

    Raises:
        OSError: where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    everything = {**_read(folder), key: {"default": said.default, "names": dict(said.names)}}
    atomic_write(folder / FILE, json.dumps(everything, ensure_ascii=False, indent=2).encode())


def atomic_write(path: Path, content: bytes) -> None:
    """The file is whole at every moment, and readable for its owner only; nothing is left behind where that fails.

    Raises:
        OSError: where it cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read(folder: Path) -> Json:
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        return as_object(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        log.warning("%s cannot be read and is not believed; ac-mcp connect writes it anew.", path)
        return {}
