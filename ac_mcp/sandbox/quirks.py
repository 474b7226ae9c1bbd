"""The switches for behaviour that sources dispute, or that differs between years and accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

CreatedConnection = Literal["flat", "flat_capital", "nested"]
MatonErrors = Literal["error", "message", "detail", "detail_list", "error_message"]
ImportEnd = Literal["completed", "failed", "interrupted"]


class BadQuirk(ValueError):
    """A switch that does not exist, or a value that it does not take."""


@dataclass
class Quirks:
    """Every switch; the defaults are what most of the newest sources say."""

    created_connection: CreatedConnection = "flat"
    """The answer of Maton to POST /connections: `connection_id`, `connection_Id`, or the whole row in `connection`."""
    maton_errors: MatonErrors = "error"
    """The envelope of Maton's errors: `{"error": text}`, `{"message": text}`, `{"detail": text}`,
    `{"detail": [{"loc": […], "msg": text}]}` or `{"error": {"message": text}}`."""
    forbidden_body: bool = True
    """Whether the 403 for a wrong token says "Forbidden"; it had no body in older reports."""
    unresolved_status: Literal[400, 412] = 400
    """Maton's status where no active connection can be found for a request."""
    ignored: tuple[str, ...] = ()
    """Query parameters of lists that are ignored, each after its collection, such as "contacts tagid"."""
    closed: tuple[str, ...] = ()
    """Collections that the plan does not include, such as "deals"; every request below them is a 403."""
    contact_errors: Literal["2026", "2022"] = "2026"
    """Whether the error of a duplicate address has the full stop and the `error` of 2026, or the `detail` of 2022."""
    tagged_status: Literal[201, 200] = 201
    """The status of POST /contactTags for a contact that did not have the tag."""
    existing_tag: Literal["refused", "returned"] = "refused"
    """The answer to POST /tags with a name in use: a 500 with SQL text, or 200 with the existing tag."""
    subscribed_status: Literal[200, 201] = 200
    """The status of POST /contactLists for a contact that was not on the list."""
    list_filters: bool = False
    """Whether GET /contactLists filters by `filters[list]` and `filters[status]`; otherwise it ignores them."""
    sublist_page: int = 0
    """Rows per page of a collection below a row, such as /contacts/1/contactTags; 0 for all rows at once."""
    bare_value: bool = True
    """Whether PUT /fieldValues/{id} takes a value without contact and field; otherwise it is a 422."""
    import_places_from: Literal[1, 0] = 1
    """The place of the first contact in the `failureReasons` of an import."""
    import_words: bool = False
    """Whether an import that is queued has the status "waiting", "claimed" or "active" instead of false."""
    import_end: ImportEnd = "completed"
    """The last status of an import: one that failed does nothing, one that is interrupted does its first half."""
    record_lag: float = 10.0
    """Seconds by which lists of custom object records trail the writes; 0 for none."""
    counter_lag: float = 5.0
    """Seconds by which subscriber counters trail the writes; 0 for none (reference 2.8)."""
    empty_list_update: bool = False
    """Whether PUT /lists answers without a body, as in 2021 (reference 2.7)."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Quirks":
        """Return the quirks with these values, as JSON has them; raise BadQuirk for what no switch takes."""
        hints = get_type_hints(cls)
        unknown = [name for name in values if name not in hints]
        if unknown:
            raise BadQuirk(f"No switch is called {unknown[0]!r}. There are: {', '.join(hints)}.")
        return cls(**{name: _parse(name, hints[name], value) for name, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the values that differ from the defaults, as JSON has them."""
        standard = Quirks()
        changed = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(cast(tuple[Any, ...], value)) if isinstance(value, tuple) else value
            for name, value in changed.items()
            if value != getattr(standard, name)
        }


def _parse(name: str, hint: Any, value: Any) -> Any:
    """Return the value in the type of the switch; raise BadQuirk if it has another type."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        if any(type(choice) is type(value) and choice == value for choice in choices):
            return value
        raise BadQuirk(f"{name} takes {' or '.join(map(repr, choices))}, not {value!r}.")
    if get_origin(hint) is tuple:
        texts = cast(list[Any], value) if isinstance(value, list | tuple) else [None]
        if all(isinstance(text, str) for text in texts):
            return tuple(texts)
        raise BadQuirk(f"{name} takes a list of texts, not {value!r}.")
    if hint is float and type(value) in (int, float) and value >= 0:
        return float(value)
    if hint is int and type(value) is int and value >= 0:
        return value
    if hint is bool and type(value) is bool:
        return value
    raise BadQuirk(f"{name} takes {_WORDS[hint]}, not {value!r}.")


_WORDS = {float: "a number from 0", int: "a whole number from 0", bool: "true or false"}
