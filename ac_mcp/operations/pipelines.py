"""Pipelines (the API's deal groups) and their stages."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import Field

from ac_mcp.columns import Number, Reference, References, Text
from ac_mcp.marks import About, Wire
from ac_mcp.operation import Call
from ac_mcp.parameters import AllOfThem, Currency, Further, Name, PipelineRef, StageRef
from ac_mcp.request import Json, records, whole
from ac_mcp.resource import Resource, keys

Title = Annotated[Name, Wire("title"), About("Name", "Negotiation", shown=False)]

stages = Resource(
    "dealStage",
    "dealStages",
    (Text("name", "title"), Reference("pipeline", "group", kind="dealGroups"), Number("order")),
    one="stage",
    many="stages",
    group="pipelines",
    called=keys("title"),
    directory=True,
    within="group",
    inside="dealGroups",
    example="Negotiation",
)
pipelines = Resource(
    "dealGroup",
    "dealGroups",
    (
        Text("name", "title"),
        Text("currency"),
        Number("deals", "count"),
        References("stages", kind="dealStages", one="stage"),
    ),
    one="pipeline",
    many="pipelines",
    called=keys("title"),
    directory=True,
    drops=("dealStages",),
    example="Sales",
)


@stages.get("/dealStages", title="List stages of a pipeline")
async def list_deal_stages(
    call: Call,
    pipeline: Annotated[PipelineRef, Wire("filters[d_groupid]")] | None = None,
    limit: AllOfThem = 100,
    offset: Further = 0,
) -> Json:
    """List deal stages: the steps of a sales pipeline. Returns them in order."""
    payload = await call()
    return payload | {"dealStages": in_order(payload["dealStages"])}


def in_order(found: list[Json]) -> list[Json]:
    """By pipeline, then as deals move: the API promises no order (reference 2.2)."""
    return sorted(found, key=lambda one: (whole(one.get("group")), whole(one.get("order")), whole(one.get("id"))))


@stages.post("/dealStages", title="Add a stage to a pipeline", unique=True)
async def create_deal_stage(
    call: Call,
    name: Title,
    pipeline: PipelineRef,
    order: Annotated[int, Field(ge=0), About("Sort number; without it last", 4, shown=False)] | None = None,
) -> Json:
    """Create a deal stage: add a step to a sales pipeline. Returns its id; last by default."""
    return await call()


@pipelines.get("/dealGroups", title="List pipelines (funnels)")
async def list_pipelines(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List all sales pipelines (funnels). Returns each with its stages in order."""
    payload = await call()
    places = {str(one.get("id")): n for n, one in enumerate(in_order(records(payload.get("dealStages"))))}
    return payload | {"dealGroups": [sorted_stages(one, places) for one in payload["dealGroups"]]}


def sorted_stages(pipeline: Json, places: Mapping[str, int]) -> Json:
    ids = pipeline.get("stages")
    if not isinstance(ids, list):
        return pipeline
    return pipeline | {"stages": sorted(cast("list[Any]", ids), key=lambda id: places.get(str(id), len(places)))}


@pipelines.post("/dealGroups", title="Create a pipeline (funnel)", unique=True)
async def create_pipeline(
    call: Call, name: Annotated[Title, About("Name", "Partnerships", shown=False)], currency: Currency
) -> Json:
    """Create a pipeline: set up a new sales funnel. Returns its three default stages."""
    payload = await call()
    made = [str(stage.get("id")) for stage in records(payload.get("dealStages"))]
    return payload | {"dealGroup": payload["dealGroup"] | {"stages": made}} if made else payload


@stages.delete("/dealStages/{stage}", tool=False)
async def delete_deal_stage(call: Call, stage: StageRef) -> Json:
    """Delete a stage."""
    return await call()


@pipelines.delete("/dealGroups/{pipeline}", tool=False)
async def delete_pipeline(call: Call, pipeline: PipelineRef) -> Json:
    """Delete a pipeline with its stages."""
    return await call()
