"""Deep Data: connections to shops, and the customers and orders that come from them (reference 13)."""

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import add_row
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import equals
from ac_mcp.sandbox.rest.resource import Call, Child, Resource
from ac_mcp.sandbox.rest.store import Row, eq


def _filters(names: str) -> dict[str, str]:
    return {f"filters[{name}]": name for name in names.split()}


def _required(word: str, names: str) -> dict[str, str]:
    return {name: f"The {word} {name} was not provided." for name in names.split()}


_ORDER_PARTS = ("ecomOrderProducts", "ecomOrderActivities")

SHOPS = Resource(
    "connections",
    "connection",
    "Connection",
    columns("""service= externalid= name= isInternal=0 connectionType=ecommerce status=1 syncStatus=0
    sync_request_time=~ sync_start_time=~ lastSync=~ logoUrl= linkUrl= listId=0 planTier= cdate=@now udate=@now
    credentialExpiration=~ disconnectDate=~ links=@links id=@id serviceName=>service"""),
    links="options customers",
    writes="service externalid name logoUrl linkUrl listId status syncStatus",
    stamped_on_update="udate",
    create_status=200,
    required=_required("connection", "service externalid name logoUrl linkUrl"),
    filters={key: equals(name) for key, name in _filters("service externalid").items()},
    children=tuple(Child(plural, "connectionid") for plural in ("ecomCustomers", "ecomOrders", *_ORDER_PARTS)),
)


def _prepare_customer(call: Call, sent: Row, row: Row | None) -> Row:
    if "connectionid" in sent and call.store.get("connections", sent["connectionid"]) is None:
        raise invalid("The connection does not exist.", "related_missing", "connectionid")
    return sent


def _add_overall_customer(call: Call, row: Row, before: Row | None) -> None:
    """Add the customer that stands for all shops together (connection 0) beside the first one of an e-mail."""
    conditions = (eq("email", str(row["email"])), eq("connectionid", "0"))
    if before is None and not call.store.find("ecomCustomers", *conditions):
        values = CUSTOMERS.creation_values(call, {"connectionid": "0", "externalid": "0", "email": row["email"]})
        call.store.insert("ecomCustomers", values)


CUSTOMERS = Resource(
    "ecomCustomers",
    "ecomCustomer",
    "EcomCustomer",
    columns("""connectionid=0 externalid= email= totalRevenue=0 totalOrders=0 totalProducts=0 avgRevenuePerOrder=0
    avgProductCategory=~ tstamp=@now acceptsMarketing=0 links=@links id=@id connection=>connectionid"""),
    links="connection orders",
    writes="connectionid externalid email acceptsMarketing",
    slim="connectionid externalid email links id connection",
    stamped_on_update="tstamp",
    required=_required("customer", "connectionid externalid email"),
    filters={key: equals(name) for key, name in _filters("email externalid connectionid").items()},
    children=(Child("ecomOrders", "customerid"),),
    prepare=_prepare_customer,
    after_write=_add_overall_customer,
)

_WRITTEN = """externalid externalcheckoutid source email totalPrice shippingAmount taxAmount discountAmount currency
connectionid customerid orderUrl externalCreatedDate externalUpdatedDate abandonedDate shippingMethod orderNumber"""


def _prepare_order(call: Call, sent: Row, row: Row | None) -> Row:
    """Check an order or an abandoned cart; a cart becomes an order once it has the shop's number."""
    merged = {**(row or {}), **_prepare_customer(call, sent, row)}
    if not merged.get("externalid") and not (merged.get("externalcheckoutid") and merged.get("abandonedDate")):
        raise invalid(
            "An externalid, or externalcheckoutid and abandonedDate, is needed.", "field_missing", "externalid"
        )
    if "customerid" in sent and call.store.get("ecomCustomers", sent["customerid"]) is None:
        raise invalid("The customer does not exist.", "related_missing", "customerid")
    is_abandoned = bool(merged.get("abandonedDate"))
    state = ("3" if is_abandoned else "1") if merged.get("externalid") else "2"
    return {**sent, "state": state, "orderDate": merged.get("externalCreatedDate")}


def _update_sums(call: Call, row: Row, before: Row | None) -> None:
    """Update the customer's sums over its orders, in cents."""
    number = str(row["customerid"])
    orders = call.store.select("ecomOrders", eq("customerid", number))
    orders = [order for order in orders if order["state"] != "2"]  # an abandoned cart is no revenue
    revenue = sum(int(order["totalPrice"]) for order in orders)
    average = str(revenue // len(orders)) if orders else "0"
    sums = {"totalRevenue": str(revenue), "totalOrders": str(len(orders)), "avgRevenuePerOrder": average}
    if call.store.get("ecomCustomers", number):
        call.store.update("ecomCustomers", number, sums)


def _after_write_order(call: Call, row: Row, before: Row | None) -> None:
    _update_sums(call, row, before)
    shop = call.store.get("connections", row["connectionid"])
    if shop:
        add_row(call, ORDER_ACTIVITIES, activity_of(row, shop))


_ORDER_FILTERS = "connectionid externalid externalcheckoutid email state customerid"

ORDERS = Resource(
    "ecomOrders",
    "ecomOrder",
    "EcomOrder",
    columns("""customerid=0 connectionid=0 state=1 source=0 externalid=~ externalcheckoutid=~ orderNumber= email=
    totalPrice=0 discountAmount=0 shippingAmount=0 taxAmount=0 totalProducts=0 currency= shippingMethod=~ orderUrl=~
    externalCreatedDate=~ externalUpdatedDate=~ abandonedDate=~ createdDate=@now updatedDate=@now orderDate=~
    tstamp=@now links=@links id=@id connection=>connectionid customer=>customerid"""),
    links="connection customer orderProducts orderDiscounts orderActivities",
    writes=_WRITTEN,
    stamped_on_update="updatedDate tstamp",
    required=_required("order", "source email totalPrice currency connectionid customerid externalCreatedDate"),
    filters={key: equals(name) for key, name in _filters(_ORDER_FILTERS).items()},
    indexes="customerid",
    children=tuple(Child(plural, "orderid") for plural in _ORDER_PARTS),
    prepare=_prepare_order,
    after_write=_after_write_order,
)

PRODUCTS = Resource(
    "ecomOrderProducts",
    "ecomOrderProduct",
    "EcomOrderProduct",
    columns("""orderid=~ connectionid=~ externalid= sku= name= description= price=0 quantity=1 category= imageUrl=~
    productUrl=~ createdDate=@now updatedDate=@now tstamp=@now links=@links id=@id ecomOrder=>orderid"""),
    links="ecomOrder",
    total=None,
    verbs="list get",
    indexes="orderid",
)

# One row for each time an order was written; no documentation names this collection.
ORDER_ACTIVITIES = Resource(
    "ecomOrderActivities",
    "ecomOrderActivity",
    "EcomOrderActivity",
    columns("""orderid=~ connectionid=~ customerid=~ externalid=~ externalcheckoutid=~ source=0 orderNumber= email=
    totalPrice=0 discountAmount=0 shippingAmount=0 taxAmount=0 totalProducts=0 currency= shippingMethod=~ storeName=
    logoUrl= orderUrl=~ state=1 externalCreatedDate=~ externalUpdatedDate=~ abandonedDate=~ createdDate=@now
    updatedDate=@now links=@links id=@id connection=>connectionid order=>orderid"""),
    links="connection order customer",
    verbs="list get",
    indexes="orderid",
)


def activity_of(order: Row, shop: Row) -> Row:
    """Return the activity that tells of an order as it is now."""
    names = {column.name for column in ORDER_ACTIVITIES.columns if column.kind in ("value", "now")}
    copied = {key: value for key, value in order.items() if key in names}
    return {**copied, "orderid": order["id"], "storeName": shop["name"], "logoUrl": shop["logoUrl"]}
