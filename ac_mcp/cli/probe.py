"""`ac-mcp doctor --probe`: what a live account can do, in a file without personal data; and a sandbox like it."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ac_mcp import __version__
from ac_mcp.cli.app import Company, open_account
from ac_mcp.cli.output import overwrite_line
from ac_mcp.filters.account_facts import AccountFacts, questions
from ac_mcp.gateway.call_client import CallClient, Trail
from ac_mcp.messages import Json, as_object
from ac_mcp.settings import Settings
from ac_mcp.storage.account_record import AccountRecord, Fact, parse_outcome
from ac_mcp.storage.files import atomic_write

if TYPE_CHECKING:
    from ac_mcp.sandbox import Quirks

FORMAT = 1
"""Version of the file."""
SECONDS_PER_QUESTION = 60.0
"""Seconds that one question may take, the wait for its turn included."""
SUBLIST_PAGE = 20
"""Rows of a page below a contact in a sandbox that is like an account with such pages."""


class BadProbe(Exception):
    """A file that is no probe; the text says why."""


async def probe(settings: Settings, company: Company, file: Path, show: Callable[[str], None]) -> int:
    """Ask an account every question, note the answers in its record, and write them to a file; return the exit code."""
    if not can_be_written(file):
        show(f"failed      {file} cannot be written: give a file in a folder that can be.")
        return 1
    async with open_account(settings, company) as account:
        facts = AccountFacts(AccountRecord(account.journal, account.audit_owner(account.caller)))
        found: list[Fact] = []
        for number, question in enumerate(questions(), 1):
            overwrite_line(f"probing: {number} of {len(questions())}, {question}")
            caller = replace(account.caller, deadline=account.clock() + SECONDS_PER_QUESTION)
            found.append(await facts.ask(CallClient(account.gateway, caller, Trail()), question))
        overwrite_line("")
        through = "ActiveCampaign" if settings.direct else "Maton"
        content = describe_probe(found, through, account.gateway.now())
    try:
        atomic_write(file, (json.dumps(content, indent=1) + "\n").encode())
    except OSError as error:
        show(f"failed      {file} cannot be written ({error.strerror}).")
        return 1
    for outcome in ("no", "unclear"):
        show(f"{outcome:11} {', '.join(fact.question for fact in found if fact.outcome == outcome) or 'none'}")
    show(f"probe       {len(found)} questions, written to {file}. It holds no data of the account.")
    return 0


def can_be_written(file: Path) -> bool:
    """Return whether a file of this name can be made or replaced."""
    return os.access(file.absolute().parent, os.W_OK) and not file.is_dir()


def describe_probe(facts: Iterable[Fact], through: str, now: datetime) -> Json:
    """Return the content of the file."""
    answers = {fact.question: {"outcome": fact.outcome, "detail": fact.detail} for fact in facts}
    return {"ac-mcp probe": FORMAT, "version": __version__, "day": f"{now:%Y-%m-%d}", "through": through} | {
        "facts": answers
    }


def load_facts(file: Path) -> list[Fact]:
    """Return the facts in a file.

    Raises:
        BadProbe: if it cannot be read, or is none.
    """
    try:
        content = as_object(json.loads(file.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError, RecursionError) as error:
        raise BadProbe(f"{file} cannot be read as the file of a probe ({error}).") from error
    if content.get("ac-mcp probe") != FORMAT:
        raise BadProbe(f"{file} is no file of `ac-mcp doctor --probe`, or of another version.")
    answers: Mapping[str, Json] = {key: as_object(value) for key, value in as_object(content.get("facts")).items()}
    return [
        Fact(question, parse_outcome(str(answer.get("outcome"))), str(answer.get("detail") or ""))
        for question, answer in answers.items()
    ]


def load_quirks(file: Path) -> "tuple[Quirks, list[str]]":
    """Return the switches of a sandbox like the account in a file, and the answers that no switch imitates.

    Raises:
        BadProbe: if it cannot be read, or is none.
    """
    from ac_mcp.sandbox import Quirks

    ignored: list[str] = []
    closed: list[str] = []
    unlike: list[str] = []
    sublist_page = 0
    for fact in load_facts(file):
        kind, _, rest = fact.question.partition(" ")
        match kind, fact.outcome:
            case "filter" | "order" | "include", "no":
                ignored.append(rest if kind != "include" else "contacts include")
            case "feature", "no":
                closed.append(rest.partition("/")[0])
            case "pages", "yes":
                sublist_page = SUBLIST_PAGE
            case _, "no" if kind == "pages" or fact.question == "v1":
                continue
            case _, "yes" if kind not in ("include", "v1"):
                continue
            case _:
                unlike.append(f"{fact.question}: {fact.outcome}")
    unlike = [text for text in unlike if not any(text.split()[1].startswith(name) for name in closed)]
    return (
        Quirks(ignored=tuple(dict.fromkeys(ignored)), closed=tuple(dict.fromkeys(closed)), sublist_page=sublist_page),
        unlike,
    )
