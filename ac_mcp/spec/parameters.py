"""Parameter types that several operations share, with their descriptions and checks."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from ac_mcp.spec.annotations import About, Cents, Cleared, FieldValues, Ref, Unlisted, Wire
from ac_mcp.spec.values import (
    clean_name,
    parse_email,
    parse_name,
    parse_phone,
    require_clear_amount,
    require_whole_cents,
)


def require_date(text: str) -> str:
    """Return the text if it is a date, or a date and time, in ISO 8601.

    Raises:
        ValueError: if it is neither.
    """
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date of the form YYYY-MM-DD") from None
    return text


def require_amount(value: float) -> float:
    """Return an amount; raise ValueError if it would have to be rounded."""
    require_whole_cents(value)
    return value


Id: TypeAlias = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$")]
Number: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
Name: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(parse_name)]
FilledText: TypeAlias = Annotated[str, Field(min_length=1)]

ContactRef: TypeAlias = Annotated[
    str, Ref("contacts"), About("E-mail, name or id", "jane@acme.com", show_example=False)
]
TagRef: TypeAlias = Annotated[str, Ref("tags"), About("Name or id", "VIP", show_example=False)]
ListRef: TypeAlias = Annotated[str, Ref("lists"), About("Name or id", "Newsletter", show_example=False)]
DealRef: TypeAlias = Annotated[str, Ref("deals"), About("Title or id", "Acme renewal", show_example=False)]
StageRef: TypeAlias = Annotated[
    str, Ref("dealStages", within="pipeline"), About("Name or id", "Negotiation", show_example=False)
]
PipelineRef: TypeAlias = Annotated[
    str, Ref("dealGroups"), Wire("group"), About("Name or id", "Sales", show_example=False)
]
SegmentRef: TypeAlias = Annotated[str, Ref("segments"), About("Name or id", "Engaged customers", show_example=False)]
AutomationRef: TypeAlias = Annotated[str, Ref("automations"), About("Name or id", "Welcome series", show_example=False)]
CampaignRef: TypeAlias = Annotated[
    str, Ref("campaigns"), About("Name or id", "February Newsletter", show_example=False)
]
UserRef: TypeAlias = Annotated[str, Ref("users"), About("Name, e-mail or id", "Priya Nair", show_example=False)]
OwnerRef: TypeAlias = Annotated[str, Ref("users"), About("Name, e-mail or id", "Priya Nair", show_example=False)]
AccountRef: TypeAlias = Annotated[str, Ref("accounts"), About("Company name or id", "Acme", show_example=False)]
FieldRef: TypeAlias = Annotated[str, Ref("fields"), About("Title or id", "Plan", show_example=False)]
ConnectionRef: TypeAlias = Annotated[str, Ref("connections"), About("Connection id", "9a0f6c52-…", show_example=False)]

Email: TypeAlias = Annotated[
    str, AfterValidator(parse_email), About("E-mail address", "ann@example.com", show_example=False)
]
FirstName: TypeAlias = Annotated[str, AfterValidator(parse_name), About("First name", "Jane", show_example=False)]
LastName: TypeAlias = Annotated[str, AfterValidator(parse_name), About("Last name", "Reed", show_example=False)]
Phone: TypeAlias = Annotated[
    str, AfterValidator(parse_phone), About("Phone number", "+1 312 555 0101", show_example=False)
]
Fields: TypeAlias = Annotated[
    list[str],
    Ref("fields", assigned=True),
    FieldValues(),
    About("Custom fields: title=value", ["Plan=Team"], show_example=False),
]
Clear: TypeAlias = Annotated[
    list[Literal["first_name", "last_name", "phone"]],
    Cleared(),
    About("Details to empty", ["phone"], show_example=False),
]

Search: TypeAlias = Annotated[str, AfterValidator(clean_name), About("Part of the name", "vip", show_example=False)]
Limit: TypeAlias = Annotated[int, Field(ge=1, le=100), About("Up to 100", 20, show_example=False)]
Offset: TypeAlias = Annotated[int, Field(ge=0, le=10**12), About("Rows to skip", 0, show_example=False)]
AllOfThem: TypeAlias = Annotated[Limit, Unlisted()]
"""The limit of a list that is short enough to be returned whole."""
Further: TypeAlias = Annotated[Offset, Unlisted()]
"""The offset of a list that nearly always fits on one page: `next_offset` in an answer says if it does not."""
Day: TypeAlias = Annotated[str, AfterValidator(require_date), About("YYYY-MM-DD", "2026-02-01", show_example=False)]
Currency: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z]{3}$"), AfterValidator(str.lower), About("Such as usd", "usd", show_example=False)
]
Value: TypeAlias = Annotated[
    float,
    Field(ge=0),
    BeforeValidator(require_clear_amount),
    AfterValidator(require_amount),
    Cents("value"),
    About("In currency units, not cents", 12500, show_example=False),
]
Website: TypeAlias = Annotated[str, About("Such as https://acme.com", "https://acme.com", show_example=False)]
