"""The command line, as a person or a shell agent uses it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ac_mcp.cli import run
from ac_mcp.modes import USUAL


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MATON_API_KEY", "AC_API_URL", "AC_API_TOKEN", "MATON_API_BASE_URL", "AC_MCP_SANDBOX"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("words", [['{"tag":"VIP"}'], ["tag=VIP"]])
def test_call_prints_the_answer_and_ends_well(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "get_tag", *words]) == 0
    assert json.loads(capsys.readouterr().out)["tag"]["name"] == "VIP"


def test_options_may_stand_before_or_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--sandbox", "call", "list_users"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == 5


@pytest.mark.parametrize(
    "words",
    [
        ["where=tag=VIP", "where=list!=Newsletter"],
        ['{"where": ["tag=VIP", "list!=Newsletter"]}'],
        ["where=tag=VIP", "--csv", "where=list!=Newsletter"],
    ],
)
def test_an_argument_given_twice_is_a_list(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "list_contacts", "tag=VIP", "tag=Trial"]) == 1
    assert "tag" in capsys.readouterr().err  # which takes only one
    assert run(["call", "--sandbox", "count_contacts", *words]) == 0
    out = capsys.readouterr().out
    assert "tag=VIP" in out
    assert "list!=Newsletter" in out


def test_what_stands_behind_an_option_belongs_to_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "create_tag", "--dry-run", "name=New"]) == 0
    assert "nothing was written" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run(["tools", "tag", "more"])
    assert "unrecognized" in capsys.readouterr().err


def test_a_bulk_call_says_its_job_as_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "bulk_update_contacts", 'contacts=["1","2"]', "subscribe=Newsletter"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert f"job {told['job']} begins" in captured.err


def test_a_call_that_is_interrupted_says_how_far_its_job_came(tmp_path: Path) -> None:
    words = [
        "call",
        "--sandbox",
        "--size",
        "medium",
        "--state",
        str(tmp_path / "s.db"),
        "--yes",
        "bulk_update_contacts",
    ]
    command = [sys.executable, "-m", "ac_mcp", *words, "where=tag=VIP", "add_tag=Trial"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert "begins" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    told = json.loads(out)
    assert (told["result"], told["note"]) == ("stopped", "the call was cancelled")
    assert 'action="resume"' in told["next"]


def test_an_export_is_csv_or_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "--sandbox", "contacts", str(tmp_path / "out.xlsx")]) == 2
    assert ".csv or a .jsonl" in capsys.readouterr().err
    assert run(["export", "--sandbox", "contacts", str(tmp_path / "out.csv")]) == 0


def test_call_that_is_refused_ends_with_1_and_says_why_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "get_tag", "tag=vpi"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert 'Next: get_tag(tag="VIP")' in captured.err


@pytest.mark.parametrize("words", [["search_contacts"], ["get_tag", "{broken"], ["get_tag", "VIP"], ["get_tag", "[1]"]])
def test_call_that_is_not_understood_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", *words]) == 2
    assert capsys.readouterr().err


def test_call_without_a_key_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "list_tags"]) == 1
    assert "Set MATON_API_KEY" in capsys.readouterr().err


def test_tools_lists_all_with_their_cost_and_finds_by_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(USUAL) + 1
    assert run(["tools", "webhook"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:-1]] == [
        "list_webhooks",
        "create_webhook",
    ]


def test_tools_shows_what_a_tool_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "get_tag"]) == 0
    assert "  tag (required): {" in capsys.readouterr().out


def test_doctor_is_well_on_the_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--sandbox"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all well"


def test_doctor_names_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 1
    assert "missing. Set MATON_API_KEY" in capsys.readouterr().out


def test_a_setting_that_cannot_be_used_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AC_MCP_SANDBOX", "perhaps")
    assert run(["tools"]) == 2
    assert "AC_MCP_SANDBOX" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["call", "--state", "x.db", "list_tags"], 2),
        (["call", "--sandbox", "--state", "/nowhere/at/all.db", "list_tags"], 1),
        (["call", "--sandbox", "--state", "{broken}", "list_tags"], 1),
        (["docs", "--check"], 1),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_and_no_traceback(
    words: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken").write_text("no database" * 100)
    assert run([word.format(broken=tmp_path / "broken") if "{" in word else word for word in words]) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_sandbox_with_a_state_file_remembers(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    keep = ["--sandbox", "--state", f"{tmp_path}/sandbox.db"]
    assert run(["call", *keep, "create_tag", "name=Kept"]) == 0
    assert run(["call", *keep, "get_tag", "tag=kept"]) == 0
    assert '"name":"Kept"' in capsys.readouterr().out
