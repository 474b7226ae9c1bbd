"""What one account can do: the answers to questions that only a live account can answer, kept for a week."""

import sqlite3
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ac_mcp.storage.journal import Journal

Outcome: TypeAlias = Literal["yes", "no", "unclear"]
"""`unclear`: the account gave an error, or holds too little to tell."""
BELIEVED_SECONDS = 7 * 86_400.0
"""Seconds for which an answer is believed."""


@dataclass(frozen=True, slots=True)
class Fact:
    """The answer to one question about an account; `detail` says how it was found, without data of the account."""

    question: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The facts about one account in the journal. Every question "does this account ..." goes here."""

    journal: Journal
    account: str
    """The account and the principal, as `Account.audit_owner` names them."""

    async def find(self, question: str) -> Fact | None:
        """Return the fact that answers a question; None if it was not asked in the last week."""

        def work(db: sqlite3.Connection) -> tuple[str, str] | None:
            query = "SELECT outcome, detail FROM account_fact WHERE account = ? AND question = ? AND at > ?"
            oldest = self.journal.now - BELIEVED_SECONDS
            row: tuple[str, str] | None = db.execute(query, (self.account, question, oldest)).fetchone()
            return row

        row = await self.journal.transact(work)
        return Fact(question, parse_outcome(row[0]), row[1]) if row else None

    async def note(self, fact: Fact) -> None:
        """Store a fact in place of an earlier one on the same question."""
        values = (self.account, fact.question, fact.outcome, fact.detail, self.journal.now)
        statement = (
            "INSERT OR REPLACE INTO account_fact (account, question, outcome, detail, at) VALUES (?, ?, ?, ?, ?)"
        )
        await self.journal.transact(lambda db: db.execute(statement, values) and None)


def parse_outcome(text: str) -> Outcome:
    """Return a stored outcome; a word of a later program is unclear."""
    return next((outcome for outcome in get_args(Outcome) if outcome == text), "unclear")
