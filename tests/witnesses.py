"""Runs what others have written against this program: inputs that once failed, and recorded conversations.

    python -m tests.witnesses [FOLDER]      FOLDER holds `bugs/*.py` and `witness/replay.py`; else it is ../shared

Each script judges for itself by its exit status. Where the folder is not there, nothing is run, and that is said.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CONTRADICTS_ITSELF = {
    "subcollection_pages.py": "it expects 26 tags on a contact that had 26 before it took one off",
}
"""Scripts that cannot pass, each with the reason; their other checks are run all the same."""
TIMEOUT = 600.0


def run(script: Path) -> tuple[Path, int, str]:
    """Run one script; return it with its exit status and what it printed."""
    program = Path(sys.executable).with_name("ac-mcp")
    environment = os.environ | {"AC_MCP": str(program)}
    try:
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environment, capture_output=True, text=True, timeout=TIMEOUT, cwd=script.parent, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return script, 124, "no end within ten minutes"
    return script, done.returncode, done.stdout + done.stderr


def is_excused(script: Path, output: str) -> bool:
    """Return whether nothing but the contradiction failed."""
    return script.name in CONTRADICTS_ITSELF and output.count("FAIL ") == 1 and "Traceback" not in output


def main() -> int:
    """Run all scripts; return 1 if one fails."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared").resolve()
    scripts = sorted(path for path in (folder / "bugs").glob("*.py") if not path.name.startswith("_"))
    scripts += [path for path in [folder / "witness" / "replay.py"] if path.exists()]
    if not scripts:
        print(f"skipped: {folder} is not there")
        return 0
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for script, status, output in pool.map(run, scripts):
            excused = status != 0 and is_excused(script, output)
            failed += status != 0 and not excused
            word = f"as it must: {CONTRADICTS_ITSELF[script.name]}" if excused else "ok" if not status else "FAILED"
            print(f"{script.parent.name}/{script.name}: {word}", flush=True)
            if word == "FAILED":
                print("\n".join(line for line in output.splitlines() if line.startswith(("FAIL", "WRONG", "Trace"))))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
