"""The command line, as a person or a shell agent uses it."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ac_mcp.cli import run
from ac_mcp.modes import USUAL
from ac_mcp.operations import OPERATIONS
from ac_mcp.shell import given


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
        run(["doctor", "more"])
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
    found = capsys.readouterr().out.splitlines()
    assert found[0].startswith("list_webhooks  ")
    assert found[1].startswith("create_webhook name= url= events= sources= [list=]  Create a webhook")
    assert found[-1] == "What one takes: ac-mcp tools list_webhooks"
    assert len(found) <= 11


def test_tools_finds_by_plain_words_also_what_only_the_api_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "add", "a", "mailing", "address"]) == 0
    said = capsys.readouterr().out
    assert "write_operation id=addresses.create arguments=  Add a mailing address" in said
    assert run(["tools", "--tools=-write_operation", "add", "a", "mailing", "address"]) == 0
    assert "addresses.create" not in capsys.readouterr().out


def test_tools_without_a_fit_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "qwertzuiop"]) == 1
    assert capsys.readouterr().err == "Nothing fits: say it in other words, such as the thing and what to do with it.\n"


@pytest.mark.parametrize("name", OPERATIONS)
def test_tools_shows_what_each_takes_and_a_call_that_is_understood(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tools", name]) == 0
    first, kind, *rest = capsys.readouterr().out.splitlines()
    assert first == f"{name}: {OPERATIONS[name].description}"
    assert kind.strip().startswith("reads" if OPERATIONS[name].read_only else "writes")
    shown = [line.strip().partition("=")[0] for line in rest if "=  " in line]
    assert set(OPERATIONS[name].required) <= set(shown)
    if OPERATIONS[name].required:
        words = shlex.split(rest[-1])
        assert words[:4] == ["ac-mcp", "call", name, words[3]]
        assert set(given(words[3:])) == set(OPERATIONS[name].required)


def test_tools_for_programs_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in everything] == list(OPERATIONS)
    assert run(["tools", "get_tag", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["kind"] == "reads"
    assert one["takes"]["required"] == ["tag"]


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ac_mcp", "tools", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


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
