"""Errors as values: one that was raised is never changed."""

from datetime import UTC, datetime

from ac_mcp.errors import ConfirmationRequired, NoSuchName, OutcomeUnknown, RequestRefused, Throttled


def test_a_copy_that_knows_more_leaves_the_error_as_it_was() -> None:
    error = OutcomeUnknown("lost", status=504, request_id="r1")
    richer = error.but(done=("POST /tags (id 3)",), watched=True)
    assert (error.done, error.watched) == ((), False)
    assert (richer.done, richer.watched, richer.status, richer.request_id) == (("POST /tags (id 3)",), True, 504, "r1")
    assert (type(richer), str(richer)) == (OutcomeUnknown, "lost")
    assert richer is not error


def test_a_copy_is_equal_and_another_object() -> None:
    error = RequestRefused("no", status=422, field="email", code="invalid").but(rows={0: "bad"})
    copy = error.copy()
    assert copy is not error
    assert vars(copy) == vars(error)
    assert copy.args == error.args


def test_errors_with_constructors_of_their_own_are_copied_whole() -> None:
    name = NoSuchName("tag", "tags", "vpi").but(also=(NoSuchName("list", "lists", "nws"),))
    assert (name.parameter, name.kind, len(name.also)) == ("tag", "tags", 1)
    needs = ConfirmationRequired(["It deletes something."], {"call": "x"}, "f", "t").but(token="u")
    assert (needs.reasons, needs.token, needs.fingerprint) == (("It deletes something.",), "u", "f")
    until = datetime(2026, 12, 1, tzinfo=UTC)
    assert Throttled("slow", retry_after=2.0).but(until=until).retry_after == 2.0
