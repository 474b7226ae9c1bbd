"""Does a wrong path, wrapper or wire name fail a test? Each is broken once, in a copy, and the tests are run on it.

    python bench/mutate_operations.py [HOW_MANY]       (default 12, spread evenly; 0 for all of them)

Two verdicts for each: by the snapshots of what is sent, and by behaviour against the sandbox alone.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = {
    "path": re.compile(r'\.(?:get|post|put|delete)\(\s*"(/[^"]+)"'),
    "wrapper": re.compile(r'Resource\(\s*"(\w+)"'),
    "plural": re.compile(r'Resource\(\s*"\w+",\s*"(\w+)"'),
    "wire": re.compile(r'(?:Wire|Cents)\(\s*"([^"]+)"'),
}
SNAPSHOTS = ["tests/operations/test_snapshots.py"]
BEHAVIOUR = ["tests/operations", "tests/naming", "tests/results/test_next_call.py"]


@dataclass(frozen=True)
class Mutation:
    """One name, broken."""

    file: str
    kind: str
    start: int
    end: int
    name: str

    @property
    def broken(self) -> str:
        """The last letter of the name, or of what stands in brackets, doubled."""
        return re.sub(r"([A-Za-z])(\W*)$", r"\1\1\2", self.name)


def mutations() -> list[Mutation]:
    files = [*sorted((ROOT / "ac_mcp/operations").glob("*.py")), ROOT / "ac_mcp/spec/parameters.py"]
    return [
        Mutation(str(path.relative_to(ROOT)), kind, hit.start(1), hit.end(1), hit[1])
        for path in files
        for kind, pattern in KINDS.items()
        for hit in pattern.finditer(path.read_text(encoding="utf-8"))
    ]


def fails(copy: Path, tests: list[str], **environ: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=copy, env={**os.environ, **environ}, capture_output=True).returncode != 0


def verdicts(copy: Path) -> tuple[bool, bool]:
    """By the snapshots; and with these written anew, so that only the sandbox and what is asked of it can tell."""
    by_snapshots = fails(copy, SNAPSHOTS, CI="1")
    by_behaviour = fails(copy, BEHAVIOUR, UPDATE_SNAPSHOTS="1")
    shutil.copytree(ROOT / "tests/snapshots", copy / "tests/snapshots", dirs_exist_ok=True)
    return by_snapshots, by_behaviour


def main() -> int:
    every = mutations()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    chosen = every[:: max(1, len(every) // wanted)][:wanted] if wanted else every
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "__pycache__"))
        for one in chosen:
            path = copy / one.file
            text = path.read_text(encoding="utf-8")
            path.write_text(text[: one.start] + one.broken + text[one.end :], encoding="utf-8")
            snapshots, behaviour = verdicts(copy)
            path.write_text(text, encoding="utf-8")
            survived += not (snapshots or behaviour)
            told = f"snapshots {'fail' if snapshots else 'PASS'} behaviour {'fail' if behaviour else 'PASS'}"
            sys.stdout.write(f"{told}  {one.kind:7} {one.name} -> {one.broken}  ({one.file})\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - survived} of {len(chosen)} noticed ({len(every)} there are)\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
