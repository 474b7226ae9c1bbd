"""Answers instead of rows: each equals plain SQL over the same account, whatever chance has put into it."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import NOW, Trial, in_virtual_time, trial
from tests.tables import one, query, stirred

often = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 10_000)
LISTS = {"Newsletter": 1, "Product updates": 2, "Trial users": 3, "Partners": 5}
TAGS = {"VIP": 1, "Customer": 2, "Trial": 3, "Wholesale": 8}
STATES = {"active": "1", "unsubscribed": "2", "bounced": "3", "unconfirmed": "0"}


def tag_clause(name: str, negative: bool) -> str:
    return f"id {'NOT ' * negative}IN (SELECT contact + 0 FROM contactTags WHERE tag = '{TAGS[name]}')"


def list_clause(name: str, negative: bool, status: str) -> str:
    state = "1" if negative else STATES.get(status, "1")
    inner = f"SELECT contact + 0 FROM contactLists WHERE list = '{LISTS[name]}' AND status = '{state}'"
    return f"id {'NOT ' * negative}IN ({inner})"


def plan_clause(value: str, negative: bool) -> str:
    inner = "SELECT contact + 0 FROM fieldValues WHERE field = '1' AND "
    inner += f"lower(value) = '{value.lower()}'" if value else "trim(value, '|') <> '' AND value IS NOT NULL"
    return f"id {'' if negative == (not value) else 'NOT '}IN ({inner})"


def interest_clause(value: str, negative: bool) -> str:
    inner = f"SELECT contact + 0 FROM fieldValues WHERE field = '5' AND value LIKE '%||{value}||%'"
    return f"id {'NOT ' * negative}IN ({inner})"


@st.composite
def asked(draw: Any) -> tuple[list[str], str]:
    """Conditions, and the same as SQL."""
    texts: list[str] = []
    clauses = ["1"]
    status = draw(st.sampled_from(["", "", "", *STATES]))
    positive_list = False
    for name in draw(st.lists(st.sampled_from(sorted(TAGS)), max_size=2, unique=True)):
        negative = draw(st.booleans())
        texts.append(f"tag{'!=' if negative else '='}{name}")
        clauses.append(tag_clause(name, negative))
    for name in draw(st.lists(st.sampled_from(sorted(LISTS)), max_size=2, unique=True)):
        negative = draw(st.booleans())
        positive_list = positive_list or not negative
        texts.append(f"list{'!=' if negative else '='}{name}")
        clauses.append(list_clause(name, negative, status))
    if status:
        texts.append(f"status={status}")
        alone = f"id IN (SELECT contact + 0 FROM contactLists WHERE status = '{STATES[status]}')"
        clauses += [] if positive_list else [alone]
    if draw(st.booleans()):
        value, negative = draw(st.sampled_from(["Free", "Team", "Enterprise", ""])), draw(st.booleans())
        texts.append(f"Plan{'!=' if negative else '='}{value}")
        clauses.append(plan_clause(value, negative))
    if draw(st.integers(0, 3)) == 0:
        value, negative = draw(st.sampled_from(["Tea", "Espresso"])), draw(st.booleans())
        texts.append(f"Interests{'!=' if negative else '='}{value}")
        clauses.append(interest_clause(value, negative))
    if draw(st.integers(0, 3)) == 0:
        day = (NOW - timedelta(days=draw(st.integers(0, 600)))).strftime("%Y-%m-%d")
        texts.append(f"created_after={day}")
        clauses.append(f"cdate > '{day}T00:00:00-05:00'")
    if draw(st.integers(0, 3)) == 0:
        days = draw(st.integers(1, 300))
        texts.append(f"inactive_days={days}")
        clauses.append(inactive_clause(days))
    return texts, " AND ".join(clauses)


def inactive_clause(days: int) -> str:
    since = (NOW - timedelta(days=days)).strftime("%Y-%m-%d")
    quiet = [
        f"substr(coalesce({key}, ''), 1, 10) < '{since}'" for key in ("cdate", "last_open_date", "last_click_date")
    ]
    return " AND ".join(quiet)


async def an_account(one: Trial, seed: int) -> None:
    stirred(one.sandbox, seed)
    one.account.directories.clear()


@often
@given(seeds, asked())
@in_virtual_time
async def test_a_count_of_contacts_is_that_of_sql(seed: int, conditions: tuple[list[str], str]) -> None:
    where, clause = conditions
    async with trial() as account:
        await an_account(account, seed)
        told = await account.answer("count_contacts", where=where)
        assert told["count"] == one(account.sandbox, f"SELECT count(*) FROM contacts WHERE {clause}")


@often
@given(seeds, asked())
@in_virtual_time
async def test_a_selection_is_that_of_sql(seed: int, conditions: tuple[list[str], str]) -> None:
    where, clause = conditions
    async with trial({"AC_MCP_CONFIRM": "never"}) as account:
        await an_account(account, seed)
        wanted = {str(id) for (id,) in query(account.sandbox, f"SELECT id FROM contacts WHERE {clause}")}
        told = await account.answer("preview_change", tool="bulk_update_contacts",
                                    arguments={"where": where or ["search=e"], "add_tag": "VIP"})  # fmt: skip
        if where:
            assert told.get("matched", 0) == len(wanted)
            assert {row["id"] for row in told.get("samples", [])} <= wanted


@often
@given(
    seeds,
    st.sampled_from(["tag", "list", "status", "month", "field"]),
    st.sampled_from([[], ["list=Newsletter"], ["Plan!="]]),
)
@in_virtual_time
async def test_a_breakdown_is_that_of_sql(seed: int, by: str, where: list[str]) -> None:
    clause = {0: "1"}.get(len(where)) or (
        list_clause("Newsletter", False, "") if "list" in where[0] else plan_clause("", True)
    )
    async with trial() as account:
        await an_account(account, seed)
        asked = {"by": "plan" if by == "field" else by}
        told = await account.answer("count_contacts", where=where, **asked)
        rows = {next(v for k, v in row.items() if k != "contacts"): row["contacts"] for row in told["by"]}
        of = "count(DISTINCT c.contact)"
        inside = f"c.contact + 0 IN (SELECT id FROM contacts WHERE {clause}) GROUP BY 1"
        if by == "tag":
            sql = f"SELECT t.tag, {of} FROM contactTags c JOIN tags t ON t.id = c.tag + 0 WHERE {inside}"
        elif by == "list":
            ties = "contactLists c JOIN lists t ON t.id = c.list + 0"
            sql = f"SELECT t.name, {of} FROM {ties} WHERE c.status = '1' AND {inside}"
        elif by == "status":
            narrowed = "c.list = '1' GROUP BY 1" if "list=Newsletter" in where else inside
            sql = f"SELECT c.status, {of} FROM contactLists c WHERE {narrowed}"
        elif by == "month":
            since = "cdate >= '2025-12-01' GROUP BY 1"
            sql = f"SELECT substr(cdate, 1, 7), count(*) FROM contacts WHERE {clause} AND {since}"
        else:
            sql = f"SELECT value, {of} FROM fieldValues c WHERE field = '1' AND trim(value) <> '' AND {inside}"
        wanted = dict(query(account.sandbox, sql))
        if by == "status":
            words = {code: word for word, code in STATES.items()}
            wanted = {words[code]: count for code, count in wanted.items()}
        if by == "month":
            rows = {month: count for month, count in rows.items() if count}
        if by == "field":
            total = one(account.sandbox, f"SELECT count(*) FROM contacts WHERE {clause}")
            assert rows.pop(None, 0) == total - sum(wanted.values())
        assert rows == wanted


def money(rows: list[tuple[str, int]]) -> dict[str, float]:
    return {currency: float(Decimal(cents) / 100) for currency, cents in rows}


@often
@given(seeds, st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 4]), st.sampled_from([None, 10, 45]))
@in_virtual_time
async def test_a_summary_of_the_pipeline_is_that_of_sql(
    seed: int, pipeline: int | None, owner: int | None, since: int | None
) -> None:
    async with trial() as account:
        await an_account(account, seed)
        day = (NOW - timedelta(days=since)).strftime("%Y-%m-%d") if since else None
        given = {"pipeline": pipeline, "owner": owner, "since": day}
        told = await account.answer("summarize_pipeline", **{k: str(v) for k, v in given.items() if v})
        clause = (
            "1" + (f" AND \"group\" = '{pipeline}'" if pipeline else "") + (f" AND owner = '{owner}'" if owner else "")
        )
        still = f"FROM deals WHERE {clause} AND status = '0'"
        now = account.account.gateway.now()
        sums = query(account.sandbox, f"SELECT currency, sum(value + 0) {still} GROUP BY 1")
        assert told["open"]["deals"] == one(account.sandbox, f"SELECT count(*) {still}")
        assert told["open"]["value"] == money(sums)
        weighted = query(
            account.sandbox,
            "SELECT currency, sum((value + 0) * chance) FROM (SELECT currency, value, "
            f"coalesce(winProbability, nullif(percent + 0, 0)) AS chance {still}) WHERE chance IS NOT NULL GROUP BY 1",
        )
        assert told["open"].get("weighted_value", {}) == pytest.approx({c: v / 10_000 for c, v in weighted}, abs=0.006)
        for word, key in (("by_stage", "stage"), ("by_owner", "owner")):
            groups: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
            for row in query(account.sandbox, f"SELECT {key}, currency, value + 0, cdate {still}"):
                groups[row[0]].append(row[1:])
            assert {row[f"{key}_id"] for row in told[word]} == set(groups)
            for row in told[word]:
                mine = groups[row[f"{key}_id"]]
                sums = defaultdict[str, int](int)
                for currency, cents, _ in mine:
                    sums[currency] += cents
                days = [(now - datetime.fromisoformat(created)).days for _, _, created in mine]
                assert (row["deals"], row["value"]) == (len(mine), money([*sums.items()]))
                assert row["average_age_days"] == round(sum(days) / len(days))
        ended = f"{clause} AND mdate > '{day}T00:00:00-05:00'" if day else clause
        closed = {
            word: one(account.sandbox, f"SELECT count(*) FROM deals WHERE {ended} AND status = ?", code)
            for word, code in (("won", "1"), ("lost", "2"))
        }
        assert {word: told[word]["deals"] for word in closed} == closed
        if sum(closed.values()):
            assert told["win_rate"] == f"{Decimal(closed['won']) / sum(closed.values()):.1%}"
        late = one(
            account.sandbox,
            f"SELECT count(*) {still} AND nextdate IS NOT NULL AND datetime(nextdate) < datetime(?)",
            now.isoformat(),
        )
        assert told["slipped"]["overdue_task"] == late


@often
@given(seeds, st.sampled_from(["open_rate", "click_rate", "unsubscribe_rate"]), st.sampled_from([None, 90, 400]))
@in_virtual_time
async def test_a_ranking_of_campaigns_is_that_of_sql(seed: int, by: str, days: int | None) -> None:
    figure = {"open_rate": "uniqueopens", "click_rate": "subscriberclicks", "unsubscribe_rate": "unsubscribes"}[by]
    async with trial() as account:
        await an_account(account, seed)
        since = (NOW - timedelta(days=days)).strftime("%Y-%m-%d") if days else None
        told = await account.answer("rank_campaigns", by=by, limit=100, **({"since": since} if since else {}))
        order = "ASC" if by == "unsubscribe_rate" else "DESC"
        sql = (
            f"SELECT id, send_amt + 0, {figure} + 0 FROM campaigns WHERE send_amt + 0 > 0 "
            "AND coalesce(seriesid, '0') = '0' "
            f"AND substr(sdate, 1, 10) >= ? ORDER BY ({figure} + 0.0) / send_amt {order}, send_amt + 0 DESC, id"
        )
        rows = query(account.sandbox, sql, since or "")
        assert [row["id"] for row in told["campaigns"]] == [str(id) for id, _, _ in rows]
        assert [row[by] for row in told["campaigns"]] == [f"{Decimal(part) / sent:.1%}" for _, sent, part in rows]
        sent = sum(sent for _, sent, _ in rows)
        assert told["overall"]["sent"] == sent
        if sent:
            assert told["overall"][by] == f"{Decimal(sum(part for _, _, part in rows)) / sent:.1%}"


@often
@given(seeds, st.integers(1, 300))
@in_virtual_time
async def test_who_is_inactive_is_what_sql_says(seed: int, days: int) -> None:
    async with trial() as account:
        await an_account(account, seed)
        told = await account.answer("list_inactive_contacts", days=days, limit=100)
        wanted = [
            str(id)
            for (id,) in query(account.sandbox, f"SELECT id FROM contacts WHERE {inactive_clause(days)} ORDER BY id")
        ]
        assert told["count"] == len(wanted)
        assert [row["id"] for row in told["contacts"]] == wanted
