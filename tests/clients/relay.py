"""Stands between a client and the server and keeps what the client sends: which protocol is spoken is read off it.

python relay.py LOG COMMAND [ARGUMENT ...]    for stdio
"""

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

VERSION = re.compile(rb'(?:protocolVersion"\s*:\s*"|mcp-protocol-version:\s*)(\d{4}-\d\d-\d\d)', re.I)
SIZE = 65536


def spoken(sent: bytes) -> str:
    """The version the client used in the end; what it only offered comes first."""
    found = VERSION.findall(sent)
    return found[-1].decode() if found else "none"


def between(log: Path, command: list[str]) -> int:
    """A process whose stdin passes through here."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin
    with log.open("wb", buffering=0) as kept, suppress(BrokenPipeError):
        while line := sys.stdin.buffer.readline():
            kept.write(line)
            process.stdin.write(line)
            process.stdin.flush()
    with suppress(BrokenPipeError):
        process.stdin.close()
    return process.wait()


@contextmanager
def listening(address: str, kept: bytearray) -> Generator[str]:
    """Another address for a server; what clients send there is kept."""
    split = urlsplit(address)
    door = socket.create_server(("127.0.0.1", 0))

    def pump(come: socket.socket, go: socket.socket, seen: Callable[[bytes], object]) -> None:
        with suppress(OSError):
            while chunk := come.recv(SIZE):
                seen(chunk)
                go.sendall(chunk)
        with suppress(OSError):
            go.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                server = socket.create_connection((str(split.hostname), split.port or 80))
                Thread(target=pump, args=(client, server, kept.extend), daemon=True).start()
                Thread(target=pump, args=(server, client, len), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}{split.path}"
    finally:
        door.close()


if __name__ == "__main__":
    sys.exit(between(Path(sys.argv[1]), sys.argv[2:]))
