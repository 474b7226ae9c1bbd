"""Whether a server over HTTP answers: what a container's HEALTHCHECK asks."""

from http.client import HTTPConnection, HTTPException
from pathlib import Path

FIRST, SECONDS = Path("/proc/1/cmdline"), 3.0


def address_of_first_process(cmdline: Path = FIRST) -> str:
    """The address process 1 was told to serve at; empty where it was not, or there is no such process."""
    try:
        words = cmdline.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--http" or word.startswith("--http="):
            return word.partition("=")[2] or following
    return ""


def answers(address: str) -> bool:
    """Whether /healthz there says that it lives; what listens on every address is asked on this machine's own."""
    host, _, port = address.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host).strip("[]")
    connection = HTTPConnection(host, int(port) if port.isdecimal() else 0, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
