"""The types of tasks and how they can end (reference 5.4)."""

from .refusal import invalid
from .resource import Call, Filter, Resource
from .shapes import columns
from .store import Row, Where, eq

# The same names are clock stamps elsewhere and ISO here (reference 2.4).
DEAL_TASKTYPES = Resource(
    "dealTasktypes",
    "dealTasktype",
    "DealTasktype",
    columns("""defduration=0 status=0 title= cdate=@now udate=@now created_by=1 updated_by=1 created_utc_timestamp=@now
    updated_utc_timestamp=@now display_order=0 outcomes=[] links=@links id=@id"""),
    links="dealTasks tasktypeOutcomeRels",
    writes="title status defduration display_order",
    slim="title cdate udate created_by links id",
    moves="udate updated_utc_timestamp",
    required={"title": "The task type title was not provided."},
)

SENTIMENTS = ("NEGATIVE", "NEUTRAL", "POSITIVE")


def _sentiment(call: Call, value: str) -> Where | None:
    """1 is negative, 2 neutral, 3 positive."""
    return eq("sentiment", SENTIMENTS[int(value) - 1]) if value in ("1", "2", "3") else None


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    if call.store.find("taskOutcomes", eq("title", str(sent["title"]))):
        raise invalid("A task outcome with the same title already exists.", "field_invalid", "title")
    sentiment = str(sent["sentiment"]).upper()
    if sentiment not in SENTIMENTS:
        raise invalid("Sentiment value must be one of Positive, Neutral, or Negative.", "field_invalid", "sentiment")
    return {**sent, "sentiment": sentiment}


_FILTERS: dict[str, Filter] = {"filters[sentiment]": _sentiment}

TASK_OUTCOMES = Resource(
    "taskOutcomes",
    "taskOutcome",
    "TaskOutcome",
    columns("""title= sentiment= disabled=0 created_by=1 updated_by=1 created_utc_timestamp=@now
    updated_utc_timestamp=@now dealTasktype_ids=[] links=@links id=@id"""),
    links="tasktypeOutcomeRels dealTasks",
    verbs="list get create",
    writes="title sentiment",
    slim="title sentiment created_by disabled= links id",
    echo=False,
    created=200,
    required={name: f"The taskOutcome {name} was not provided." for name in ("title", "sentiment")},
    filters=_FILTERS,
    prepare=_prepare,
)
