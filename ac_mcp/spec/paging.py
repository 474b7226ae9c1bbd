"""Reading a list page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ac_mcp.messages import Json, as_int, as_object, as_objects

PAGE = 100
"""The most rows a page can have (reference 2.2)."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page. `total` counts all pages as the API says it; 0 if it does not."""

    rows: list[Json]
    total: int = 0

    @classmethod
    def of(cls, body: Json, key: str) -> "Page":
        """Read the page from a body such as `{"tags": [...], "meta": {"total": "37"}}`."""
        return cls(as_objects(body.get(key)), total_of(body))


def total_of(body: Json) -> int:
    """Return the total that a list says it has; 0 if it says none."""
    return as_int(as_object(body.get("meta")).get("total"))


def paging_query(offset: int, limit: int = PAGE) -> dict[str, str]:
    """Return the query parameters of a page."""
    return {"limit": str(limit), "offset": str(offset)}


async def pages(fetch: Callable[[int], Awaitable[Page]], most: int) -> AsyncIterator[Page]:
    """Yield the pages that `fetch` returns for each offset, one after another.

    It ends after an empty page, after as many rows as the list says it has, or after `most` rows.
    """
    seen = 0
    for offset in range(0, max(most, 1), PAGE):
        page = await fetch(offset)
        yield page
        seen += len(page.rows)
        if not page.rows or seen >= page.total:
            return


def ids_of(rows: list[Json]) -> list[str]:
    """Return the ids of those rows that have one."""
    return [str(row["id"]) for row in rows if row.get("id")]


def matches(row: Json, **values: Any) -> bool:
    """Return whether a row has these values, compared as text."""
    return all(str(row.get(key)) == str(value) for key, value in values.items())
