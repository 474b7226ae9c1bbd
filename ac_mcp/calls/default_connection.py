"""Which connection requests go through where nobody has chosen one."""

import logging
from dataclasses import dataclass, field, replace
from math import inf

from ac_mcp.concurrency import SingleFlight
from ac_mcp.errors import Candidate, KeyRefused, NotConnected, SeveralAccounts, ToolError, Unavailable
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import as_objects
from ac_mcp.operations.connections import connections, list_connections

log = logging.getLogger(__name__)
LOOKUP_SECONDS, RETRY_AFTER = 5.0, 60.0
"""Seconds that finding it may take, and until it is asked for again where that failed."""


@dataclass(slots=True)
class DefaultConnection:
    """The connection Maton uses where none is chosen: its oldest ACTIVE one, looked up once and then always named.

    So it is paced as what it is, and stays the same when an older one is signed in to meanwhile.
    """

    id: str = ""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """What the ACTIVE connections are called, by id; an empty name is unknown."""
    trouble: ToolError | None = None
    """Why it could not be looked up."""
    failed_at: float = -inf
    looking: SingleFlight[str] = field(default_factory=SingleFlight[str])

    async def find(self, sender: CallClient) -> str:
        """Its id, for all who ask meanwhile; empty where there is none or nobody says: then Maton chooses."""
        if self.id or sender.gateway.clock() - self.failed_at < RETRY_AFTER:
            return self.id
        try:
            return await self.looking.run("", lambda: self._look(sender), sender.seconds_left)
        except TimeoutError:
            return ""

    async def _look(self, sender: CallClient) -> str:
        latest = min(sender.caller.deadline, sender.gateway.clock() + LOOKUP_SECONDS)
        try:
            payload = await list_connections.run(replace(sender, caller=replace(sender.caller, deadline=latest)), {})
            rows = as_objects(payload.get("connections"))
            self.id = next((str(row[connections.api.id_key]) for row in rows if row.get("default")), "")
            active = [row for row in rows if row.get("status") == "ACTIVE"]
            self.names = {
                str(row[connections.api.id_key]): next(iter(connections.lookup.called(row)), "") for row in active
            }
            self.trouble = None
        except ToolError as trouble:
            self.trouble = trouble
            log.info("the default connection is not known: %s", type(trouble).__name__)
        self.failed_at = -inf if self.id else sender.gateway.clock()
        return self.id

    @property
    def is_unsure(self) -> bool:
        """Whether it could not be found out, though the key is good: with a bad one no write is made anyway."""
        return self.trouble is not None and not isinstance(self.trouble, KeyRefused | NotConnected)

    def require_unambiguous(self) -> None:
        """That there is no doubt which account it is.

        Raises:
            SeveralAccounts: if there is a choice.
            Unavailable: if it could not be found out whether there is.
        """
        if len(self.names) > 1:
            raise SeveralAccounts([Candidate(id, name) for id, name in self.names.items()])
        if self.is_unsure:
            unsure = "which connections this key has could not be found out, so it might go to the wrong account"
            raise Unavailable(unsure, arrived=False)

    def forget(self) -> None:
        self.id, self.failed_at = "", -inf
