"""The error responses of the API (reference 2.5)."""

from typing import Any

from .store import Row


class Refusal(Exception):
    """A response that is not a success; raising it undoes the request's transaction."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def not_found(model: str, number: str) -> Refusal:
    if not model:  # Custom field rows do not name a model (reference 2.5).
        return no_route()
    return Refusal(404, {"message": f"No Result found for {model} with id {number}"})


def no_route() -> Refusal:
    return Refusal(404, {"errors": [{"status": 404, "title": "Not Found"}]})


def invalid(title: str, code: str, attribute: str) -> Refusal:
    return Refusal(422, {"errors": [error_entry(title, code, attribute)]})


def error_entry(title: str, code: str, attribute: str) -> Row:
    return {"title": title, "detail": "", "code": code, "source": {"pointer": f"/data/attributes/{attribute}"}}


def unprocessable(**error: Any) -> Refusal:
    errors: list[Row] = [error]
    return Refusal(422, {"errors": errors})
