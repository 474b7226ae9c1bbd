"""The command line, as a person or a shell agent uses it."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ac_mcp.cli.call import parse_words
from ac_mcp.cli.main import run
from ac_mcp.cli.next_command import in_shell
from ac_mcp.operations import OPERATIONS
from ac_mcp.tools.toolsets import USUAL


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
    assert run(["call", "--sandbox", "list_contacts", "tag=VIP", "tag=Trial"]) == 2
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
    assert captured.err.endswith("Next: ac-mcp call --sandbox get_tag tag=VIP\n")


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
    assert len(lines) == len(USUAL) + 2
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
        assert words[:3] == ["ac-mcp", "call", name]
        assert set(parse_words(words[3:])) >= set(OPERATIONS[name].required)


NEEDS_MORE = {"delete_task_type", "undo_change", "confirm_change", "follow_job", "import_contacts", "write_operation"}
"""What depends on something that was done before."""


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in NEEDS_MORE])
def test_the_call_that_is_shown_is_no_wrong_call(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tools", name]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert run(["call", "--sandbox", "--dry-run", *words[2:]]) != 2, capsys.readouterr().err


def test_a_delete_waits_for_its_yes_in_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["call", "--sandbox", "--state", str(tmp_path / "a.db"), "delete_contact", "contact=jane@acme.example"]
    assert run(words) == 3
    said = capsys.readouterr().err
    assert "It deletes something." in said
    assert "its deals may stay unreadable" in said
    assert said.endswith("\nOr the same command with --yes\n")
    assert f"Next (within ten minutes, and only if the user agrees): ac-mcp call --sandbox --state={tmp_path}" in said
    assert run(["call", "--sandbox", *words[4:]]) == 3
    assert capsys.readouterr().err.endswith("\nOnce they agree: the same command with --yes\n")
    assert run([*words[:4], "get_contact", "contact=jane@acme.example"]) == 0
    assert run([*words[:4], "untag_contact", "contact=jane@acme.example", "tag=VIP"]) == 0
    assert run(["call", "--confirm", "never", *words[1:]]) == 0
    assert run([*words[:4], "get_contact", "contact=jane@acme.example"]) == 1


@pytest.mark.parametrize(
    ("words", "code", "command"),
    [
        (["tag_contact", "contact=jane@acme.example", "tag=VPI"], 1, "tag_contact contact=jane@acme.example tag=VIP"),
        (["count_contacts", "tag=VIP", "list=News letter"], 2, ""),
        (["count_contacts", "tag=VIP"], 2, "count_contacts 'where=[\"tag=VIP\"]'"),
        (["list_contact", "tag=VIP"], 2, ""),
        (["create_deal", "title=A b", "value=1", "currency=Euros", "contact=5", "pipeline=Sales"], 2, "currency=eur"),
        (
            ["create_webhook", "name=a", "url=http://a.example/x", "events=subscribe", "sources=public"],
            2,
            "url=https://a.example/x",
        ),
    ],
)
def test_the_next_call_is_a_command_with_the_same_options(
    words: list[str], code: int, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["call", "--sandbox", *words]) == code
    said = capsys.readouterr().err
    if command:
        (line,) = [line for line in said.splitlines() if line.startswith("Next")]
        assert command in line
        parts = shlex.split(line.partition(": ")[2])
        assert parts[:3] == ["ac-mcp", "call", "--sandbox"]
        assert run(parts[1:]) in (0, 3)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('Next: a(b="x y", c=[1, "2"], d=true)', "Next: ac-mcp call a 'b=x y' 'c=[1, \"2\"]' d=true"),
        ('Next (put the real values in): a(b="<name>")', "Next (put the real values in): ac-mcp call a 'b=<name>'"),
        ("Next: a()", "Next: ac-mcp call a"),
        ('Next: a(b="it\'s $(x)")', "Next: ac-mcp call a 'b=it'\"'\"'s $(x)'"),
        ("Next: a(b=", "Next: a(b="),
        ("Next: a(b=c.d)", "Next: a(b=c.d)"),
        ("Next: a(1)", "Next: a(1)"),
    ],
)
def test_a_call_becomes_a_command_and_nothing_else_does(text: str, command: str) -> None:
    assert in_shell(text, []) == command


@pytest.mark.parametrize(
    "words", [["list_contacts", "tag="], ["list_deals", '{"stage": ""}'], ["count_contacts", "where="]]
)
def test_an_empty_filter_is_refused_rather_than_about_everything(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["call", "--sandbox", *words]) == 2
    assert "is empty, and would be about everything" in capsys.readouterr().err


def test_an_operation_of_the_api_is_called_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "addresses.create", "company_name=A", "address1=B", "country=DE"]) == 0
    assert json.loads(capsys.readouterr().out)["address"]["companyName"] == "A"
    assert run(["call", "--sandbox", "addresses.list"]) == 0
    assert run(["call", "--sandbox", "--tools=-write_operation", "addresses.create", "company_name=A"]) == 2


def test_csv_says_that_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "--sandbox", "list_contacts", "--csv"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 21
    assert captured.err.startswith("60 rows in all: offset=20 goes on.")
    assert run(["call", "--sandbox", "list_users", "--csv"]) == 0
    assert capsys.readouterr().err == ""


def test_without_a_key_a_shell_is_told_of_connect(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "list_tags"]) == 1
    assert "In a shell: ac-mcp connect leads through it" in capsys.readouterr().err


def test_an_undo_a_second_time_says_which_did_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["call", "--sandbox", "--state", str(tmp_path / "a.db")]
    assert run([*words, "tag_contact", "contact=5", "tag=VIP"]) == 0
    change = json.loads(capsys.readouterr().out)["change"]
    assert run([*words, "undo_change", f"change={change}"]) == 0
    by = json.loads(capsys.readouterr().out)["change"]
    assert run([*words, "undo_change", f"change={change}"]) == 1
    assert json.loads(capsys.readouterr().out)["note"].startswith("It was undone before, by change ")
    assert by


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
