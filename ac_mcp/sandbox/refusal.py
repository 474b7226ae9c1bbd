"""The error shapes of the API (reference 2.5)."""

from typing import Any

from .store import Row


class Refusal(Exception):
    """An answer that is not a success; raising it undoes the request's transaction."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def not_found(model: str, number: str) -> Refusal:
    return Refusal(404, {"message": f"No Result found for {model} with id {number}"})


def no_route() -> Refusal:
    return Refusal(404, {"errors": [{"status": 404, "title": "Not Found"}]})


def invalid(title: str, code: str, attribute: str) -> Refusal:
    error = {"title": title, "detail": "", "code": code, "source": {"pointer": f"/data/attributes/{attribute}"}}
    return Refusal(422, {"errors": [error]})


def unprocessable(**error: Any) -> Refusal:
    errors: list[Row] = [error]
    return Refusal(422, {"errors": errors})
