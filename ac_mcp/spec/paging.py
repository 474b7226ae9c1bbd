"""Reading a list page by page, by offset: the one loop for it.

Two other ways stand where the offset will not do: by id (`filters.contact_query`, for contacts of large accounts) and
by offset with a look at the ids (`jobs.sources`, for deals that leave the list while a job runs).
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ac_mcp.concurrency import gather
from ac_mcp.messages import Json, as_int, as_object, as_objects

PAGE = 100
"""The most rows a page can have (reference 2.2)."""
UNLIMITED = 1_000_000
"""More rows than any list is read to."""


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


def credible_total(stated: int, count: int, offset: int = 0, limit: int | None = None) -> int | None:
    """Return how many rows a list has, from the total that it states (0 for none) and the rows of one page.

    None if the rows contradict the total and do not show the true one: it is missing or too small beside a full page,
    or speaks of rows where an empty page came. A page may hold fewer rows than were asked for, so one that is not full
    says nothing against a larger total.
    """
    end = offset + count
    if limit is None:
        return max(stated, end) if count else stated
    if count >= limit:
        return stated if stated >= end else None
    if stated > end:
        return stated if count else None
    return end if count or not offset else stated


def paging_query(offset: int, limit: int = PAGE) -> dict[str, str]:
    """Return the query parameters of a page."""
    return {"limit": str(limit), "offset": str(offset)}


async def batches(
    fetch: Callable[[int], Awaitable[Page]],
    most: int = UNLIMITED,
    at_once: int = 1,
    has_time: Callable[[], bool] = lambda: True,
    size: int = PAGE,
) -> AsyncGenerator[list[Page]]:
    """Yield the pages of `size` rows that `fetch` returns for each offset, `at_once` of them at a time.

    The first page comes alone, since it holds the total. The list ends with a page that is not full, or where the total
    says so; a total that is missing, or smaller than the rows so far, says nothing. It also ends after `most` rows, and
    once `has_time` is False.
    """
    batch, offset, seen = [await fetch(0)], size, 0
    while True:
        yield batch
        seen += sum(len(page.rows) for page in batch)
        last, total = batch[-1], batch[0].total
        if len(last.rows) < size or seen == total or offset >= most or not has_time():
            return
        known_pages = -(-(min(total, most) - offset) // size)
        count = max(1, min(at_once, known_pages))
        batch = await gather([fetch(offset + size * number) for number in range(count)])
        offset += size * count


async def pages(fetch: Callable[[int], Awaitable[Page]], most: int = UNLIMITED) -> AsyncGenerator[Page]:
    """Yield the pages that `fetch` returns for each offset, one after another, `most` rows at the most."""
    async for batch in batches(fetch, most):
        yield batch[0]


def ids_of(rows: list[Json]) -> list[str]:
    """Return the ids of those rows that have one."""
    return [str(row["id"]) for row in rows if row.get("id")]


def matches(row: Json, **values: Any) -> bool:
    """Return whether a row has these values, compared as text."""
    return all(str(row.get(key)) == str(value) for key, value in values.items())
