"""Files that a call may read or write: only in folders that whoever starts the server has named."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from ac_mcp.errors import BadArguments

LARGEST = 50 * 1024 * 1024
"""Bytes of a file that is imported."""
ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class AllowedFiles:
    """`allowed` as the setting has it; `folder` is where exports go that name no file."""

    allowed: str = ""
    folder: Path | None = None

    @property
    def exports(self) -> Path:
        """A folder of this user alone; where nothing is to be kept, among what the machine forgets."""
        uid = os.getuid() if hasattr(os, "getuid") else "me"
        return (self.folder or Path(gettempdir()) / f"ac-mcp-{uid}-{os.getpid()}") / "exports"

    def read(self, name: str) -> str:
        """Raises BadArguments where it may not be read, or is no text."""
        with as_bad_argument(name):
            path = self._inside(name)
            if not path.is_file():
                raise BadArguments(f"file: there is no file {name[:200]!r}.")
            if path.stat().st_size > LARGEST:
                raise BadArguments(f"file: it is larger than {LARGEST // 1024 // 1024} MB.")
            return decode_text(path.read_bytes())

    def write(self, name: str) -> Path:
        """The path of a new file.

        Raises:
            BadArguments: where there may be none, or is one already.
        """
        with as_bad_argument(name):
            path = self._inside(name)
            if path.exists() or path.is_symlink():
                raise BadArguments(f"file: {name[:200]!r} is there already: name another one.")
            if not path.parent.is_dir():
                raise BadArguments(f"file: there is no folder {str(path.parent)[:200]!r}.")
            return path

    def may_resume(self, path: Path) -> bool:
        """Whether a file that was begun may be written on: it is where it was, and no link leads elsewhere."""
        with as_bad_argument(str(path)):
            return path.parent == self.exports or self._inside(str(path)) == path

    def _inside(self, name: str) -> Path:
        """The file itself, with no link and no ".." left in its path."""
        if "\0" in name:
            raise BadArguments("file: that is not a path.")
        path = Path(name).expanduser()
        if self.allowed == ANYWHERE:
            return path.absolute()
        folders = [Path(one).expanduser().resolve() for one in self.allowed.split(os.pathsep) if one.strip()]
        if not folders:
            raise BadArguments(
                "file: this server opens no files: start it with AC_MCP_FOLDERS, or give the rows themselves."
            )
        whole = path.resolve() if path.is_absolute() else (folders[0] / path).resolve()
        if not any(whole.is_relative_to(folder) for folder in folders):
            raise BadArguments(f"file: {name[:200]!r} is not in {', '.join(map(str, folders))} (AC_MCP_FOLDERS).")
        return whole


@contextmanager
def as_bad_argument(name: str) -> Generator[None]:
    """What a system says against a path is told as what it is."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else "that is not a path"
        raise BadArguments(f"file: {name[:200]!r} cannot be used: {said}.") from None


def decode_text(raw: bytes) -> str:
    """UTF-8, UTF-16 as Excel writes it, else what Windows wrote for long."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if b"\0" in raw:
        raise BadArguments("file: it is no text.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
