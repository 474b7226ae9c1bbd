"""What a command writes to the terminal, and its exit codes."""

import sys

OK, FAILED, USAGE, NEEDS_CONFIRMATION, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes."""
CLEAR_LINE = "\r\x1b[K"
"""The control sequence that moves to the start of the line and erases it."""


def print_line(text: str) -> None:
    """Write one line to stdout and flush it, because the reader may be waiting for it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_error_line(text: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(text + "\n")


def fail(text: str, code: int = FAILED) -> int:
    """Write the reason to stderr and return the exit code."""
    print_error_line(text)
    return code


def overwrite_line(text: str) -> None:
    """Replace the current line of stderr; "" clears it. Do nothing if stderr is not a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{CLEAR_LINE}{text}")
        sys.stderr.flush()
