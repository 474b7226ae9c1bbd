"""Pipelines (the API's deal groups) and their stages."""

from typing import Annotated

from pydantic import Field

from ac_mcp.columns import Number, Reference, References, Text
from ac_mcp.marks import About, Wire
from ac_mcp.operation import Call
from ac_mcp.parameters import Currency, Name, Offset, PipelineRef
from ac_mcp.request import Json, records
from ac_mcp.resource import Resource, keys

Title = Annotated[Name, Wire("title"), About("Name", "Negotiation", shown=False)]

stages = Resource(
    "dealStage",
    "dealStages",
    (Text("name", "title"), Reference("pipeline", "group", kind="dealGroups"), Number("order")),
    one="stage",
    many="stages",
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


@stages.get("/dealStages", query={"limit": "100"})
async def list_deal_stages(
    call: Call, pipeline: Annotated[PipelineRef, Wire("filters[d_groupid]")] | None = None, offset: Offset = 0
) -> Json:
    """List the stages deals move through, of all pipelines or of one."""
    return await call()


@stages.post("/dealStages", unique=True)
async def create_deal_stage(
    call: Call,
    name: Title,
    pipeline: PipelineRef,
    order: Annotated[int, Field(ge=0), About("Place among the stages; without it last", 4)] | None = None,
) -> Json:
    """Add a stage to a pipeline."""
    return await call()


@pipelines.get("/dealGroups", query={"limit": "100"})
async def list_pipelines(call: Call, offset: Offset = 0) -> Json:
    """List the sales pipelines, each with its stages."""
    return await call()


@pipelines.post("/dealGroups", unique=True)
async def create_pipeline(
    call: Call, name: Annotated[Title, About("Name", "Partnerships", shown=False)], currency: Currency
) -> Json:
    """Create a sales pipeline. It comes with three stages: To Contact, In Contact, Follow Up."""
    payload = await call()
    made = [str(stage.get("id")) for stage in records(payload.get("dealStages"))]
    return payload | {"dealGroup": payload["dealGroup"] | {"stages": made}} if made else payload
