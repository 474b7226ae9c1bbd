"""This server in a client's configuration: shown first, whole at every moment, with a backup, and out again."""

import base64
import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from ac_mcp.cli.client_config import CannotSetUp, plan_change
from ac_mcp.cli.main import run
from ac_mcp.cli.setup import CLIENTS, INSTRUCTIONS, ServerCommand, desktop_file

SECRET = "maton-secret-0123456789"
THEIRS = """{
	"mcpServers": {"files": {"command": "npx", "args": ["-y", "files"], "env": {"TOKEN": "theirs"}}},
"theme": "dark"}"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AC_API_URL", "AC_API_TOKEN", "MATON_API_BASE_URL", "AC_MCP_SANDBOX", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MATON_API_KEY", SECRET)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Claude" / "claude_desktop_config.json"


def setting(file: Path, *words: str) -> int:
    return run(["setup", "claude-desktop", "--file", str(file), "--yes", *words])


def test_it_writes_a_server_that_starts_keeps_what_stood_there_and_takes_it_out(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_text(THEIRS)
    assert setting(file, "--read-only", "--toolsets", "contacts,tags") == 0
    told = json.loads(file.read_text())
    assert told["theme"] == "dark"
    assert told["mcpServers"]["files"] == json.loads(THEIRS)["mcpServers"]["files"]
    one = told["mcpServers"]["activecampaign"]
    assert one["env"] == {"MATON_API_KEY": SECRET}
    assert one["args"][-2:] == ["--read-only", "--toolsets=contacts,tags"]
    version = subprocess.run([one["command"], *one["args"], "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("ac-mcp ")
    (backup,) = file.parent.glob("*.bak")
    assert backup.read_text() == THEIRS
    said = capsys.readouterr().out
    assert str(backup) in said
    assert SECRET not in said
    assert "theirs" not in said
    assert '+  "command": "' in said
    assert '+    "MATON_API_KEY": "***"' in said
    assert oct(file.stat().st_mode)[-3:] == "600"
    assert setting(file, "--remove") == 0
    assert json.loads(file.read_text()) == json.loads(THEIRS)
    assert len(list(file.parent.glob("*.bak"))) == 2


def test_where_there_is_no_file_one_is_made_and_a_second_time_nothing_is_done(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setting(file, "--remove") == 0
    assert not file.exists()
    assert setting(file, "--sandbox") == 0
    assert list(file.parent.iterdir()) == [file]
    before = file.read_bytes()
    assert setting(file, "--sandbox") == 0
    assert "as it should be already" in capsys.readouterr().out
    assert (file.read_bytes(), list(file.parent.iterdir())) == (before, [file])


def test_without_a_yes_nothing_is_written(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["setup", "claude-desktop", "--file", str(file)]) == 1
    assert "Nothing was changed. To write it: the same command with --yes" in capsys.readouterr().out
    assert not file.parent.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "does not hold an object"),
        ('{"mcpServers": []}', "does not hold an object"),
        ("null", "does not hold an object"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_that_is_not_understood_is_not_touched(
    text: str, said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_text(text)
    assert setting(file) == 1
    assert said in capsys.readouterr().err
    assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_other_files_that_cannot_be_read_or_written_are_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe{}")
    assert setting(file) == 1
    assert "cannot be read" in capsys.readouterr().err
    file.unlink()
    file.mkdir()
    assert setting(file) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert setting(file.parent / "file" / "under" / "\0") in (1, 2)


def test_a_mark_at_the_beginning_and_an_empty_file_are_understood(file: Path) -> None:
    file.parent.mkdir()
    for text in ("\ufeff" + THEIRS, "", "  \n"):
        file.write_text(text, encoding="utf-8")
        assert setting(file, "--sandbox") == 0
        assert "activecampaign" in json.loads(file.read_text(encoding="utf-8"))["mcpServers"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    real = tmp_path / "dotfiles.json"
    real.write_text(THEIRS)
    file.symlink_to(real)
    assert setting(file) == 0
    assert file.is_symlink()
    assert "activecampaign" in json.loads(real.read_text())["mcpServers"]


def test_without_a_key_it_says_so(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MATON_API_KEY")
    assert setting(file) == 1
    assert "MATON_API_KEY is not set" in capsys.readouterr().err
    assert not file.exists()


def test_a_program_that_may_vanish_is_not_written(file: Path, tmp_path: Path) -> None:
    start = ServerCommand("/home/you/.cache/uv/archive-v0/abc/bin/ac-mcp", (), {})
    assert start.is_temporary
    assert not ServerCommand(str(tmp_path / "ac-mcp"), (), {}).is_temporary


def test_an_unknown_client_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["setup", "claude"]) == 2
    assert "there are claude-desktop, claude-code, cursor" in capsys.readouterr().err


@pytest.mark.parametrize("client", INSTRUCTIONS)
def test_what_is_printed_holds_no_secret_and_writes_nothing(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["setup", client, "--multi-account"]) == 0
    said = capsys.readouterr().out
    assert SECRET not in said
    assert client in CLIENTS
    assert "--multi-account" in unquote(unquote(said)) or client in ("cursor", "skill")
    for option in ("--remove", "--yes", "--file=x"):
        assert run(["setup", client, option]) == 1


def test_the_command_for_claude_code_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["setup", "claude-code", "--toolsets", "deals"]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert words[:6] == ["claude", "mcp", "add", "activecampaign", "--env", "MATON_API_KEY=your key"]
    assert words[6] == "--"
    assert words[-1] == "--toolsets=deals"


def test_the_links_hold_what_the_files_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["setup", "cursor"]) == 0
    link = urlsplit(capsys.readouterr().out.splitlines()[-1])
    config = json.loads(base64.b64decode(parse_qs(link.query)["config"][0]))
    assert config["env"] == {"MATON_API_KEY": "your key"}
    assert run(["setup", "vscode"]) == 0
    said = capsys.readouterr().out
    inner = unquote(parse_qs(urlsplit(said.splitlines()[-1]).query)["url"][0])
    assert inner.startswith("vscode:mcp/install?")
    told = json.loads(inner.partition("?")[2])
    (text,) = told["inputs"]
    assert text["password"] is True
    assert told["env"] == {"MATON_API_KEY": "${input:MATON_API_KEY}"}
    assert f'"command": "{told["command"]}"' in said


def test_claude_desktop_s_own_file_is_where_it_looks() -> None:
    assert desktop_file().name == "claude_desktop_config.json"
    assert desktop_file().parent.name == "Claude"


def test_a_change_that_is_none_is_none(tmp_path: Path) -> None:
    assert plan_change(tmp_path / "none.json", None) is None


def test_the_server_is_started_as_it_is_installed() -> None:
    start = ServerCommand.of_this_program(
        [], {"MATON_API_KEY": "x", "AC_MCP_HTTP_TOKEN": "y", "PATH": "/bin", "AC_MCP_CONFIRM": "always"}
    )
    assert start.env == {"MATON_API_KEY": "x", "AC_MCP_CONFIRM": "always"}
    assert Path(start.command).parent == Path(sys.executable).parent


def test_what_changed_between_showing_and_writing_is_not_lost(file: Path) -> None:
    file.parent.mkdir()
    for before in ("", THEIRS):
        file.unlink(missing_ok=True)
        if before:
            file.write_text(before)
        wanted = plan_change(file, {"command": "x"})
        assert wanted
        file.write_text(THEIRS.replace("dark", "light"))
        with pytest.raises(CannotSetUp, match="has changed meanwhile"):
            wanted.write()
        assert json.loads(file.read_text())["theme"] == "light"
        assert list(file.parent.iterdir()) == [file]


def test_nothing_is_left_behind_where_it_cannot_be_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    file.parent.mkdir()
    wanted = plan_change(file, {"command": "x", "env": {"MATON_API_KEY": SECRET}})
    assert wanted
    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(KeyboardInterrupt):
        wanted.write()
    assert list(file.parent.iterdir()) == []


def test_of_an_entry_made_by_hand_no_secret_is_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = {
        "url": "https://x.example/mcp?token=sesame",
        "headers": {"Authorization": "Bearer sesame"},
        "args": ["--header", "Authorization: sesame", "--read-only"],
        "env": {"MATON_API_KEY": "sesame"},
        "command": "npx",
    }
    file.parent.mkdir()
    file.write_text(json.dumps({"mcpServers": {"activecampaign": theirs}}))
    assert setting(file, "--read-only") == 0
    said = capsys.readouterr().out
    assert "sesame" not in said
    assert '"--read-only"' in said
    assert '-    "MATON_API_KEY": "*** (another)"' in said


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": 1e999}', '{"mcpServers": {"a": {}, "a": {}}}', '{"a": "\\ud800"}']
)
def test_a_file_that_would_lose_something_is_not_touched(text: str, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(text)
    assert setting(file) == 1
    assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_no_servers_yet_are_none(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"mcpServers": null}')
    assert setting(file, "--remove") == 0
    assert file.read_text() == '{"mcpServers": null}'
    assert setting(file) == 0


@pytest.mark.parametrize("words", [["--toolsets", "nosuch"], ["--tools", "nosuch"]])
def test_what_could_not_be_started_is_not_written(words: list[str], file: Path) -> None:
    assert setting(file, *words) == 2
    assert not file.exists()


def test_a_value_that_is_no_key_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATON_API_KEY", "${user_config.key}")
    assert setting(file) == 1
    monkeypatch.setenv("AC_MCP_SANDBOX", "false")
    assert setting(file) == 1
    assert not file.exists()


def test_the_toml_for_codex_is_toml(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AC_MCP_FOLDERS", '/tmp/\N{GRINNING FACE} "x"')
    assert run(["setup", "codex", "--multi-account"]) == 0
    told = tomllib.loads(capsys.readouterr().out.partition("\n\n")[2])["mcp_servers"]["activecampaign"]
    assert told["env"]["AC_MCP_FOLDERS"] == '/tmp/\N{GRINNING FACE} "x"'
    assert told["args"][-1] == "--multi-account"
