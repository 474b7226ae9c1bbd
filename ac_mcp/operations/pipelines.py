"""Pipelines (deal groups in the API) and their stages."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import Field

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.deals import deals, list_deals
from ac_mcp.spec.annotations import About, Ref, Unlisted, Wire
from ac_mcp.spec.columns import Number, Reference, ReferenceList, Text
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Effects, Offered
from ac_mcp.spec.parameters import AllOfThem, Currency, Further, Name, PipelineRef, StageRef
from ac_mcp.spec.resource import Lookup, Resource, named_by

Title = Annotated[Name, Wire("title"), About("Name", "Negotiation", show_example=False)]

PipelineHint = (
    Annotated[PipelineRef, Unlisted(), About("Where two stages share the name", "Sales", show_example=False)] | None
)
TargetStage = Annotated[
    str,
    Ref("dealStages", within="pipeline", beside="stage"),
    Wire("stage"),
    About("Stage of the same pipeline", "Qualified", show_example=False),
]

stages = Resource(
    "dealStage",
    "dealStages",
    (Text("name", "title"), Reference("pipeline", "group", kind="dealGroups"), Number("order")),
    noun="stage",
    nouns="stages",
    group="pipelines",
    lost_for_good="its id, and automations that used it",
    lookup=Lookup(called=named_by("title"), directory=True, within="group", inside="dealGroups"),
)
pipelines = Resource(
    "dealGroup",
    "dealGroups",
    (
        Text("name", "title"),
        Text("currency"),
        Number("deals", "count"),
        ReferenceList("stages", kind="dealStages", singular="stage"),
    ),
    noun="pipeline",
    nouns="pipelines",
    lookup=Lookup(called=named_by("title"), directory=True, drops=("dealStages",)),
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
    return payload | {"dealStages": sort_stages(payload["dealStages"])}


def format_deal_count(count: int) -> str:
    """Return "1 deal" or "5 deals"."""
    return "1 deal" if count == 1 else f"{count} deals"


def sort_stages(stages: list[Json]) -> list[Json]:
    """Return stages by pipeline, then in the order in which deals move: the API promises no order (reference 2.2)."""
    return sorted(stages, key=lambda row: (as_int(row.get("group")), as_int(row.get("order")), as_int(row.get("id"))))


def get_stage_positions(payload: Json) -> dict[str, int]:
    """Return the position of each stage in a payload of pipelines, by the stage's id."""
    stages = sort_stages(as_objects(payload.get("dealStages")))
    return {str(stage.get("id")): position for position, stage in enumerate(stages)}


@stages.post("/dealStages", title="Add a stage to a pipeline", effects=Effects(unique=True))
async def create_deal_stage(
    call: Call,
    name: Title,
    pipeline: PipelineRef,
    order: Annotated[int, Field(ge=0), About("Sort number; without it last", 4, show_example=False)] | None = None,
) -> Json:
    """Create a deal stage: add a step to a sales pipeline. Returns its id; last by default."""
    return await call()


@pipelines.get("/dealGroups", title="List pipelines (funnels)")
async def list_pipelines(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List all sales pipelines (funnels). Returns each with its stages in order."""
    payload = await call()
    positions = get_stage_positions(payload)
    return payload | {"dealGroups": [with_sorted_stages(row, positions) for row in payload["dealGroups"]]}


def with_sorted_stages(pipeline: Json, positions: Mapping[str, int]) -> Json:
    """Return a pipeline with the ids of its stages in order; an unknown stage comes last."""
    ids = pipeline.get("stages")
    if not isinstance(ids, list):
        return pipeline
    return pipeline | {"stages": sorted(cast("list[Any]", ids), key=lambda id: positions.get(str(id), len(positions)))}


@pipelines.post("/dealGroups", title="Create a pipeline (funnel)", effects=Effects(unique=True))
async def create_pipeline(
    call: Call, name: Annotated[Title, About("Name", "Partnerships", show_example=False)], currency: Currency
) -> Json:
    """Create a pipeline: set up a new sales funnel. Returns its three default stages."""
    payload = await call()
    ids = [str(stage.get("id")) for stage in as_objects(payload.get("dealStages"))]
    return payload | {"dealGroup": payload["dealGroup"] | {"stages": ids}} if ids else payload


@stages.get("/dealStages/{stage}", title="Show a stage of a pipeline", offered=Offered(on_request=True))
async def get_deal_stage(call: Call, stage: StageRef, pipeline: PipelineHint = None) -> Json:
    """Show one stage of a pipeline. Returns its pipeline and place only; its deals: list_deals."""
    return await call(pipeline=None)


@stages.put(
    "/dealStages/{stage}",
    title="Rename or reorder a stage",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def update_deal_stage(
    call: Call,
    stage: StageRef,
    name: Title | None = None,
    order: Annotated[int, Field(ge=0), About("Sort number", 2, show_example=False)] | None = None,
    color: Annotated[str, Field(pattern="^#?[0-9A-Fa-f]{6}$"), About("Six hex digits", "32B0FC", show_example=False)]
    | None = None,
    pipeline: PipelineHint = None,
) -> Json:
    """Rename a stage of a pipeline, or change its place or color. Returns it; its deals stay in it."""
    return await call(pipeline=None, color=color.lstrip("#") if color else None)


@deals.put(
    "/dealStages/{stage}/deals",
    title="Move all deals of a stage",
    effects=Effects(moves="filters[stage]", starts="when a deal changes stage", reports=("deal_update",)),
    offered=Offered(on_request=True),
)
async def move_deals(call: Call, stage: StageRef, to: TargetStage, pipeline: PipelineHint = None) -> Json:
    """Move all deals of one stage into another of the same pipeline, open or not. Returns how many."""
    count = await count_deals(call, stage)
    if to == stage:
        raise BadArguments("to is the stage they are in already: name another one.")
    if not count:
        return with_own_words({}, result="no deal is in it")
    await call(pipeline=None)
    return with_own_words({}, result="moved", note=f"{format_deal_count(count)} moved.")


async def count_deals(call: Call, stage: str) -> int:
    """Fetch the number of deals in a stage."""
    return as_int(as_object((await list_deals(call, stage=stage, limit=1)).get("meta")).get("total"))


@stages.delete("/dealStages/{stage}", title="Delete a stage of a pipeline", offered=Offered(on_request=True))
async def delete_deal_stage(
    call: Call, stage: StageRef, move_deals_to: TargetStage | None = None, pipeline: PipelineHint = None
) -> Json:
    """Delete a stage of a pipeline; deals in it go to another stage first. Returns its name."""
    count = await count_deals(call, stage)
    if move_deals_to == stage:
        raise BadArguments("move_deals_to is the stage that is to be deleted: name another one.")
    if count and not move_deals_to:
        raise BadArguments(
            f"{format_deal_count(count)} in this stage would be lost: move_deals_to has to name the stage they go to.",
            {**call.present_arguments, "move_deals_to": "Qualified"},
            example=True,
        )
    if count and move_deals_to:
        await move_deals(call, stage, move_deals_to)
    payload = await call(pipeline=None)
    return with_own_words(payload, note=f"{format_deal_count(count)} moved.") if count else payload


@pipelines.get("/dealGroups/{pipeline}", title="Show a pipeline (funnel)", offered=Offered(on_request=True))
async def get_pipeline(call: Call, pipeline: PipelineRef) -> Json:
    """Show one sales pipeline (funnel). Returns its currency, and its stages in order."""
    payload = await call()
    pipeline_row = as_object(payload.get("dealGroup"))
    return payload | {"dealGroup": with_sorted_stages(pipeline_row, get_stage_positions(payload))}


@pipelines.put(
    "/dealGroups/{pipeline}",
    title="Rename a pipeline (funnel)",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def update_pipeline(
    call: Call, pipeline: PipelineRef, name: Title | None = None, currency: Currency | None = None
) -> Json:
    """Rename a sales pipeline (funnel), or change its currency. Returns it; stages and deals stay as they are."""
    return await call()


def explain_lost_deals(sent: Json, before: Json) -> str:
    """Return why deleting a pipeline needs confirmation: its stages and deals are lost with it (reference 5.2)."""
    count = as_int(as_object(before.get("hung")).get("deals"))
    lost_deals = f" Its {format_deal_count(count)} can no longer be opened." if count else ""
    return f"No undo brings a pipeline and its stages back.{lost_deals}"


@pipelines.delete(
    "/dealGroups/{pipeline}",
    title="Delete a pipeline (funnel)",
    effects=Effects(asks=explain_lost_deals),
    offered=Offered(on_request=True),
)
async def delete_pipeline(call: Call, pipeline: PipelineRef) -> Json:
    """Delete a sales pipeline (funnel) with its stages; its deals can no longer be opened. Returns its name; cannot be
    undone."""
    return await call()
