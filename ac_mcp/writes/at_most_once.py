"""A write that must not be made twice, in the journal from before it is sent until its end is known."""

from dataclasses import dataclass

from anyio import CancelScope

from ac_mcp.errors import ConfirmationRequired, OutcomeUnknown, ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import Request, Response
from ac_mcp.storage.journal import Intent, Journal


@dataclass(slots=True)
class JournaledWrite:
    """One write under way."""

    inner: CallClient
    journal: Journal
    request: Request
    intent: Intent
    settle: float
    """Seconds by which a write without an answer has landed."""

    async def send(self) -> Response:
        """Sent, and the journal told how it ended.

        Raises:
            OutcomeUnknown: whether there was no answer or one that shows nothing.
        """
        before = len(self.inner.caller.sent)
        try:
            reply = await self.inner.send(self.request)
            self.check(reply)
        except OutcomeUnknown as unknown:
            sent_at = unknown.sent_at if unknown.sent_at is not None else self.inner.gateway.clock()
            self.intent = await self.journal.end_intent(self.intent, "unknown", self.landing_time(sent_at))
            raise
        except ToolError:
            self.intent = await self.journal.end_intent(self.intent, "failed")
            raise
        except BaseException:  # cancelled: what had not left is over, what had may land
            with CancelScope(shield=True):
                left = self.inner.caller.sent[before:]
                by = self.landing_time(left[-1]) if left else None
                self.intent = await self.journal.end_intent(self.intent, "unknown" if left else "failed", by)
            raise
        await self.journal.mark_made(self.intent, self.created_ids(reply), surely=True)
        return reply

    def landing_time(self, sent_at: float) -> float:
        """When what was sent at a moment of the gateway's clock has landed, on the wall clock."""
        return self.journal.now + sent_at - self.inner.gateway.clock() + self.settle

    def latest_landing(self) -> float:
        """When a request that this call may still send has landed, on the wall clock."""
        return latest_landing(self.inner, self.journal, self.settle)

    def check(self, reply: Response) -> None:
        """Raises OutcomeUnknown for an answer that shows nothing."""

    def created_ids(self, reply: Response) -> list[str]:
        """Of what was made."""
        return []


@dataclass(slots=True)
class BlindWrite(JournaledWrite):
    """A write that cannot be looked up here: after a lost answer it is sent again only if somebody has looked."""

    agreed: bool
    """Somebody has said yes to this very call."""
    key: bool
    """It is sent under a key of the client's."""

    async def run(self) -> Response:
        """Sent; a second one only once the first can land no more, and with a yes.

        Raises:
            OutcomeUnknown: for one that may still land.
            NeedsYes: for one that may have landed.
        """
        self.intent, earlier = await self.journal.begin_intent(self.intent, keyed=self.key)
        if not earlier:
            return await self.send()
        seconds = self.intent.lands_by - self.journal.now
        if seconds > 0:
            raise OutcomeUnknown(f"the same call was made before and may still come in within {seconds:.0f} s")
        if not self.agreed or not (claimed := await self.journal.claim_resend(self.intent, self.latest_landing())):
            raise ConfirmationRequired(
                ["The same call was made a short while ago and its outcome is not known. "
                 "Look whether it is there: yes makes it once more."]
            )  # fmt: skip
        self.intent = claimed
        return await self.send()


def latest_landing(inner: CallClient, journal: Journal, settle: float) -> float:
    return journal.now + inner.seconds_left + settle
