"""The image, on a machine without Docker: the steps of the Dockerfile in order, each in a Debian root of its own stage.

What Docker would do beside is done by hand: an unprivileged user, a read-only root, no capabilities, the health check.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.packaging.trying import ROOT, Failed, tried
from tests.packaging.wheel import run

SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
PACKAGES = "python3,python3-venv,ca-certificates"
FROM_HOST = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
SETTINGS = ("index-url", "extra-index-url", "trusted-host", "cert")
"""What pip may have to know of this machine to reach its index."""


@dataclass
class Stage:
    """One FROM, and what its steps have left."""

    name: str
    root: Path
    workdir: str = "/"
    env: dict[str, str] = field(default_factory=dict[str, str])
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list[str])
    health: list[str] = field(default_factory=list[str])
    volumes: list[str] = field(default_factory=list[str])


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction with what stands behind it; comments and continued lines are done with."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    for line in joined.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def built(folder: Path, base: Path) -> Stage:
    """The last stage of the Dockerfile.

    Raises:
        Failed: for an instruction that is not understood here, rather than skipping it.
    """
    stages: dict[str, Stage] = {}
    one = Stage("", base)
    for word, rest in steps((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        if word == "FROM":
            name = rest.partition(" AS ")[2] or str(len(stages))
            one = stages[name] = Stage(name, folder / f"stage-{name}")
            run("cp", "-a", base, one.root)
        else:
            step(one, word, rest, stages)
    return one


def step(one: Stage, word: str, rest: str, stages: Mapping[str, Stage]) -> None:
    match word:
        case "WORKDIR":
            one.workdir = rest
            inside(one, rest).mkdir(parents=True, exist_ok=True)
        case "RUN":
            inner = f"cd {shlex.quote(one.workdir)} && {rest}"
            run("chroot", one.root, "env", "-i", *variables(one, index()), "sh", "-c", inner)
        case "COPY":
            copied(one, rest.split(), stages)
        case "ENV":
            told = dict(pair.split("=", 1) for pair in shlex.split(rest))
            one.env |= {name: value.replace("$PATH", PATH) for name, value in told.items()}
        case "USER":
            one.user = rest
        case "VOLUME":
            one.volumes.append(rest)
        case "ENTRYPOINT":
            one.entrypoint = json.loads(rest)
        case "HEALTHCHECK":
            one.health = json.loads(rest.partition("CMD ")[2])
        case "LABEL":
            pass
        case _:
            raise Failed(f"the Dockerfile says {word}, which this does not know")


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def variables(one: Stage, more: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in {"PATH": PATH, **one.env, **more}.items()]


def index() -> dict[str, str]:
    """Where this machine's pip finds packages."""
    said = run("python3", "-m", "pip", "config", "list")
    found: list[tuple[str, str]] = re.findall(r"^(?:global|:env:|user|site)\.([\w-]+)='(.*)'$", said, re.M)
    return {f"PIP_{name.upper().replace('-', '_')}": value for name, value in found if name in SETTINGS}


def inside(one: Stage, path: str) -> Path:
    return one.root / path.lstrip("/") if path.startswith("/") else one.root / one.workdir.lstrip("/") / path


def copied(one: Stage, words: list[str], stages: Mapping[str, Stage]) -> None:
    """COPY, from this folder without what .dockerignore keeps out, or from another stage."""
    source, ignored = ROOT, shutil.ignore_patterns("__pycache__")
    if words[0].startswith("--from="):
        source, ignored = stages[words.pop(0).removeprefix("--from=")].root, None
    *names, target = words
    for name in names:
        path, there = source / name.lstrip("/"), inside(one, target)
        if path.is_dir():
            shutil.copytree(path, there, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy2(path, there / path.name if target.endswith("/") else there)


def contained(one: Stage) -> list[str]:
    """The beginning of a command that runs in the image as Docker would with --read-only and --cap-drop=ALL."""
    root = shlex.quote(str(one.root))
    mounts = [f"mount --bind {root} {root}", f"mount -o remount,ro,bind {root}"]
    mounts += [f"mount -t proc proc {root}/proc", f"mount -t tmpfs tmpfs {root}/tmp"]
    mounts += [f"mount -t tmpfs -o uid={one.user},mode=700 tmpfs {root}{each}" for each in one.volumes]
    script = f'{" && ".join(mounts)} && exec {shlex.join(dropped(one))} "$@"'
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"]


def dropped(one: Stage) -> list[str]:
    given = variables(one, {"HOME": "/"})
    less = [f"--reuid={one.user}", f"--regid={one.user}", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    return ["chroot", str(one.root), "setpriv", *less, "--inh-caps=-all", "env", "-i", *given]


def check(folder: Path) -> Iterator[str]:
    base = folder / "base"
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, base, MIRROR)
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for path in FROM_HOST:
        shutil.copyfile(path, base / path[1:])
    image = built(folder, base)
    if image.user == "0":
        raise Failed("it runs as root")
    names = tried([*contained(image), *image.entrypoint, "--sandbox"])
    yield f"stdio, user {image.user}, read-only root: {len(names)} tools"
    for write in ("/anything", "/opt/ac-mcp/anything"):
        if subprocess.run([*contained(image), "touch", write], capture_output=True).returncode == 0:
            raise Failed(f"{write} can be written")
    run(*contained(image), "touch", f"{image.volumes[0]}/kept")
    run(*contained(image), *image.health)  # of a server on stdio
    yield from over_http(image)


def over_http(image: Stage) -> Iterator[str]:
    """The same with --http, asked by its own health check, ended as Docker ends it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    server = subprocess.Popen(
        [*contained(image), *image.entrypoint, "--sandbox", "--http", address], stderr=subprocess.PIPE
    )
    try:
        assert server.stderr
        if b"serves MCP" not in (said := server.stderr.readline()):
            raise Failed(said.decode())
        (child,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        run("nsenter", f"--target={child}", "--mount", "--pid", *dropped(image), *image.health)
        names = tried([], url=f"http://{address}/mcp")
        os.kill(int(child), signal.SIGTERM)
        code = ended(server)
        server.stderr.close()
    finally:
        server.kill()
        server.wait()
    if code not in (0, 143, -15):
        raise Failed(f"stopped, it ended with {code}")
    if not image.health:
        raise Failed("it has no health check")
    yield f"HTTP: healthy, {len(names)} tools, stopped by SIGTERM"


def ended(process: "subprocess.Popen[Any]") -> int:
    began = time.monotonic()
    code = process.wait(75)
    if time.monotonic() - began > 70:
        raise Failed("it took too long to stop")
    return code
