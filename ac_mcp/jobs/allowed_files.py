"""The files that a call may read or write: only those in the folders that the AC_MCP_FOLDERS setting names."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from ac_mcp.errors import BadArguments

MAX_BYTES = 50 * 1024 * 1024
"""Most bytes of a file that is imported."""
ANYWHERE = "*"
"""The setting that allows every folder."""


@dataclass(frozen=True, slots=True)
class AllowedFiles:
    """Reads and writes files in the allowed folders."""

    allowed: str = ""
    """The setting: folders separated by `os.pathsep`, or ANYWHERE."""
    folder: Path | None = None
    """The folder of the journal; None if nothing is stored on disk."""

    @property
    def exports(self) -> Path:
        """The folder of exports without a file name of their own. Without a journal folder it is a temporary one."""
        uid = os.getuid() if hasattr(os, "getuid") else "me"
        return (self.folder or Path(gettempdir()) / f"ac-mcp-{uid}-{os.getpid()}") / "exports"

    def read(self, name: str) -> str:
        """Return the text of a file.

        Raises:
            BadArguments: if there is no such file, or it is not allowed, too large or not text.
        """
        with as_bad_argument(name):
            path = self._resolve(name)
            if not path.is_file():
                raise BadArguments(f"file: there is no file {name[:200]!r}.")
            if path.stat().st_size > MAX_BYTES:
                raise BadArguments(f"file: it is larger than {MAX_BYTES // 1024 // 1024} MB.")
            return decode_text(path.read_bytes())

    def write(self, name: str) -> Path:
        """Return the path for a new file.

        Raises:
            BadArguments: if it is not allowed, its folder is missing, or the file exists.
        """
        with as_bad_argument(name):
            path = self._resolve(name)
            if path.exists() or path.is_symlink():
                raise BadArguments(f"file: {name[:200]!r} is there already: name another one.")
            if not path.parent.is_dir():
                raise BadArguments(f"file: there is no folder {str(path.parent)[:200]!r}.")
            return path

    def may_resume(self, path: Path) -> bool:
        """Return whether an export may append to its file: the path is still allowed and leads to no other file."""
        with as_bad_argument(str(path)):
            return path.parent == self.exports or self._resolve(str(path)) == path

    def _resolve(self, name: str) -> Path:
        """Return the path of a file, with links and ".." resolved unless every folder is allowed.

        Raises:
            BadArguments: if it is in no allowed folder.
        """
        if "\0" in name:
            raise BadArguments("file: that is not a path.")
        path = Path(name).expanduser()
        if self.allowed == ANYWHERE:
            return path.absolute()
        folders = [Path(folder).expanduser().resolve() for folder in self.allowed.split(os.pathsep) if folder.strip()]
        if not folders:
            raise BadArguments(
                "file: this server opens no files: start it with AC_MCP_FOLDERS, or give the rows themselves."
            )
        resolved = path.resolve() if path.is_absolute() else (folders[0] / path).resolve()
        if not any(resolved.is_relative_to(folder) for folder in folders):
            raise BadArguments(f"file: {name[:200]!r} is not in {', '.join(map(str, folders))} (AC_MCP_FOLDERS).")
        return resolved


@contextmanager
def as_bad_argument(name: str) -> Generator[None]:
    """Raise BadArguments for an error of the operating system about a path."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "that is not a path"
        raise BadArguments(f"file: {name[:200]!r} cannot be used: {reason}.") from None


def decode_text(raw: bytes) -> str:
    """Return bytes as text: UTF-8, UTF-16 with a byte order mark as Excel writes it, or else Windows-1252.

    Raises:
        BadArguments: if they are no text.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if b"\0" in raw:
        raise BadArguments("file: it is no text.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
