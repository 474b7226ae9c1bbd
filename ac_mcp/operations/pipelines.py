"""Pipelines (the API's deal groups) and their stages."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import Field

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.deals import deals, list_deals
from ac_mcp.spec.annotations import About, Ref, Unlisted, Wire
from ac_mcp.spec.columns import Number, Reference, ReferenceList, Text
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.parameters import AllOfThem, Currency, Further, Name, PipelineRef, StageRef
from ac_mcp.spec.resource import Resource, named_by

Title = Annotated[Name, Wire("title"), About("Name", "Negotiation", show_example=False)]

Narrowing = (
    Annotated[PipelineRef, Unlisted(), About("Where two stages share the name", "Sales", show_example=False)] | None
)
Beside = Annotated[
    str,
    Ref("dealStages", within="pipeline", beside="stage"),
    Wire("stage"),
    About("Stage of the same pipeline", "Qualified", show_example=False),
]

stages = Resource(
    "dealStage",
    "dealStages",
    (Text("name", "title"), Reference("pipeline", "group", kind="dealGroups"), Number("order")),
    one="stage",
    many="stages",
    group="pipelines",
    called=named_by("title"),
    directory=True,
    within="group",
    inside="dealGroups",
    lost="its id, and automations that used it",
    example="Negotiation",
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
    one="pipeline",
    many="pipelines",
    called=named_by("title"),
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


def counted(deals: int) -> str:
    return "1 deal" if deals == 1 else f"{deals} deals"


def in_order(found: list[Json]) -> list[Json]:
    """By pipeline, then as deals move: the API promises no order (reference 2.2)."""
    return sorted(found, key=lambda one: (as_int(one.get("group")), as_int(one.get("order")), as_int(one.get("id"))))


@stages.post("/dealStages", title="Add a stage to a pipeline", unique=True)
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
    places = {str(one.get("id")): n for n, one in enumerate(in_order(as_objects(payload.get("dealStages"))))}
    return payload | {"dealGroups": [sorted_stages(one, places) for one in payload["dealGroups"]]}


def sorted_stages(pipeline: Json, places: Mapping[str, int]) -> Json:
    ids = pipeline.get("stages")
    if not isinstance(ids, list):
        return pipeline
    return pipeline | {"stages": sorted(cast("list[Any]", ids), key=lambda id: places.get(str(id), len(places)))}


@pipelines.post("/dealGroups", title="Create a pipeline (funnel)", unique=True)
async def create_pipeline(
    call: Call, name: Annotated[Title, About("Name", "Partnerships", show_example=False)], currency: Currency
) -> Json:
    """Create a pipeline: set up a new sales funnel. Returns its three default stages."""
    payload = await call()
    made = [str(stage.get("id")) for stage in as_objects(payload.get("dealStages"))]
    return payload | {"dealGroup": payload["dealGroup"] | {"stages": made}} if made else payload


@stages.get("/dealStages/{stage}", title="Show a stage of a pipeline", extra=True)
async def get_deal_stage(call: Call, stage: StageRef, pipeline: Narrowing = None) -> Json:
    """Show one stage of a pipeline. Returns its pipeline and place only; its deals: list_deals."""
    return await call(pipeline=None)


@stages.put("/dealStages/{stage}", title="Rename or reorder a stage", unique=True, extra=True)
async def update_deal_stage(
    call: Call,
    stage: StageRef,
    name: Title | None = None,
    order: Annotated[int, Field(ge=0), About("Sort number", 2, show_example=False)] | None = None,
    color: Annotated[str, Field(pattern="^#?[0-9A-Fa-f]{6}$"), About("Six hex digits", "32B0FC", show_example=False)]
    | None = None,
    pipeline: Narrowing = None,
) -> Json:
    """Rename a stage of a pipeline, or change its place or color. Returns it; its deals stay in it."""
    return await call(pipeline=None, color=color.lstrip("#") if color else None)


@deals.put(
    "/dealStages/{stage}/deals",
    title="Move all deals of a stage",
    moves="filters[stage]",
    starts="when a deal changes stage",
    reports=("deal_update",),
    extra=True,
)
async def move_deals(call: Call, stage: StageRef, to: Beside, pipeline: Narrowing = None) -> Json:
    """Move all deals of one stage into another of the same pipeline, open or not. Returns how many."""
    held = as_int(as_object((await list_deals(call, stage=stage, limit=1)).get("meta")).get("total"))
    if to == stage:
        raise BadArguments("to is the stage they are in already: name another one.")
    if not held:
        return with_own_words({}, result="no deal is in it")
    await call(pipeline=None)
    return with_own_words({}, result="moved", note=f"{counted(held)} moved.")


@stages.delete("/dealStages/{stage}", title="Delete a stage of a pipeline", extra=True)
async def delete_deal_stage(
    call: Call, stage: StageRef, move_deals_to: Beside | None = None, pipeline: Narrowing = None
) -> Json:
    """Delete a stage of a pipeline; deals in it go to another stage first. Returns its name."""
    held = as_int(as_object((await list_deals(call, stage=stage, limit=1)).get("meta")).get("total"))
    if move_deals_to == stage:
        raise BadArguments("move_deals_to is the stage that is to be deleted: name another one.")
    if held and not move_deals_to:
        raise BadArguments(
            f"{counted(held)} in this stage would be lost: move_deals_to has to name the stage they go to.",
            {**call.present_arguments, "move_deals_to": "Qualified"},
            example=True,
        )
    if held and move_deals_to:
        await move_deals(call, stage, move_deals_to)
    payload = await call(pipeline=None)
    return with_own_words(payload, note=f"{counted(held)} moved.") if held else payload


@pipelines.get("/dealGroups/{pipeline}", title="Show a pipeline (funnel)", extra=True)
async def get_pipeline(call: Call, pipeline: PipelineRef) -> Json:
    """Show one sales pipeline (funnel). Returns its currency, and its stages in order."""
    payload = await call()
    places = {str(one.get("id")): n for n, one in enumerate(in_order(as_objects(payload.get("dealStages"))))}
    return payload | {"dealGroup": sorted_stages(as_object(payload.get("dealGroup")), places)}


@pipelines.put("/dealGroups/{pipeline}", title="Rename a pipeline (funnel)", unique=True, extra=True)
async def update_pipeline(
    call: Call, pipeline: PipelineRef, name: Title | None = None, currency: Currency | None = None
) -> Json:
    """Rename a sales pipeline (funnel), or change its currency. Returns it; stages and deals stay as they are."""
    return await call()


def takes_deals(sent: Json, before: Json) -> str:
    """What goes with a pipeline (reference 5.2)."""
    held = as_int(as_object(before.get("hung")).get("deals"))
    along = f" Its {counted(held)} can no longer be opened." if held else ""
    return f"No undo brings a pipeline and its stages back.{along}"


@pipelines.delete("/dealGroups/{pipeline}", title="Delete a pipeline (funnel)", asks=takes_deals, extra=True)
async def delete_pipeline(call: Call, pipeline: PipelineRef) -> Json:
    """Delete a sales pipeline (funnel) with its stages; its deals can no longer be opened. Returns its name; cannot be
    undone."""
    return await call()
