"""Users, and the groups that give them permissions (reference 8)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import Handler, add_row
from ac_mcp.sandbox.rest.errors import Refusal, invalid, not_found
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Resource, View, select_belonging
from ac_mcp.sandbox.rest.store import Row, eq

KEY_OWNER = "1"


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    """Check a user; the username never changes, and the password is accepted but not stored."""
    if sent.get("group") is not None and call.store.get("groups", sent["group"]) is None:
        raise invalid("The user group does not exist.", "related_missing", "group")
    if row is None and call.store.find("users", eq("username", str(sent["username"]))):
        raise invalid("The username is already in use.", "duplicate", "username")
    unwritten = ("group", "password", *(() if row is None else ("username",)))
    return {key: value for key, value in sent.items() if key not in unwritten}


def _after_write(call: Call, row: Row, before: Row | None) -> None:
    group = call.store.get("groups", call.unwrapped("user").get("group"))
    if group:
        call.store.delete("userGroups", eq("userid", row["id"]))
        add_row(call, USER_GROUPS, {"userid": row["id"], "groupid": group["id"]})


def _sideload(call: Call, rows: Sequence[Row], view: View) -> Row:
    if view != "update":
        return {}
    groups = call.render("userGroups", select_belonging(call, "userGroups", "userid", rows[0]["id"]))
    return {"userGroups": groups, "userConversationsPermissions": []}


def _before_delete(call: Call, row: Row) -> None:
    if row["id"] == KEY_OWNER:  # A key cannot delete its own user.
        raise Refusal(403, {"message": "Forbidden"})


USER_GROUPS = Resource(
    "userGroups",
    "userGroup",
    "UserGroup",
    columns("userid=~ groupid=~ links=@links id=@id group=>groupid user=>userid"),
    links="group user",
    verbs="list",
    indexes="userid",
)

_NEEDED = ("username", "email", "firstName", "lastName", "group", "password")

USERS = Resource(
    "users",
    "user",
    "User",
    columns("""username= firstName= lastName= email= phone= signature=~ lang=english localZoneid=America/Chicago
    mfaEnabled=0 roles=[] links=@links id=@id"""),
    links="""lists userGroup dealGroupTotals dealGroupUsers configs dealConnection userConversationsPermission
    seatUser""",
    writes="username email firstName lastName phone signature lang localZoneid group password",
    slim="username email firstName lastName lang localZoneid links id",
    indexes="username",
    required={name: f"The user {name} was not provided." for name in _NEEDED},
    children=(Child("userGroups", "userid"),),
    prepare=_prepare,
    after_write=_after_write,
    sideload=_sideload,
    before_delete=_before_delete,
)


def get_me(call: Call) -> Answer:
    """Return the user the key belongs to."""
    return Answer(200, {"user": call.render("users", [call.require_row("users", KEY_OWNER)], "one")[0]})


def user_by_handler(key: str) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.store.find("users", eq(key, call.path[key]))
        if row is None:
            raise not_found("User", call.path[key])
        return Answer(200, {"user": call.render("users", [row], "one")[0]})

    return handle


_ABILITIES = """pgListAdd pgListEdit pgListDelete pgListHeaders pgListEmailaccount pgListBounce pgMessageAdd
pgMessageEdit pgMessageDelete pgMessageSend pgContactAdd pgContactEdit pgContactDelete pgContactMerge
pgContactImport pgContactApprove
pgContactExport pgContactSync pgContactFilters pgContactActions pgContactFields pg_user_add pg_user_edit
pg_user_delete
pgGroupAdd pgGroupEdit pgGroupDelete pgTemplateAdd pgTemplateEdit pgTemplateDelete pgPersonalizationAdd
pgPersonalizationEdit pgPersonalizationDelete pgAutomationManage pgFormEdit pgReportsCampaign pgReportsList
pgReportsUser pgReportsTrend pgStartupReports pgStartupGettingstarted pgDeal pgDealDelete pgDealReassign
pgDealGroupAdd
pgDealGroupEdit pgDealGroupDelete pgSavedResponsesManage"""

# The documented keys; the 39 others of 2026 are published nowhere (reference 8).
GROUPS = Resource(
    "groups",
    "group",
    "Group",
    columns(f"""title= descript=~ unsubscribelink=0 optinconfirm=0 p_admin=1
    {" ".join(f"{name}=1" for name in _ABILITIES.split())}
    sdate=@now reqApproval=0 reqApproval1st=2 reqApprovalNotify= socialdata=0 links=@links id=@id"""),
    links="userGroups groupLimit dealGroupGroups listGroups addressGroups automationGroups",
    writes=f"title descript unsubscribelink optinconfirm {_ABILITIES} reqApproval reqApproval1st reqApprovalNotify",
    slim="title descript p_admin=#1 links id",
    required={"title": "The group title was not provided."},
    children=(Child("userGroups", "groupid"), Child("listGroups", "group")),
)
