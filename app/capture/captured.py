"""What change capture watches: which tables are entities, and whose parts the rows of all others are.

A change of a part is a change of every entity above it. `app/capture/triggers.py` makes triggers of this.
Not passed on: what many rows refer to and none contains (sellers, brands, taxons, countries, states, carriers).
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """An entity that a row's change is a change of.

    sql      a SELECT of the entity's ids from the row `r`.
    parents  SQL for the ids between entity and row, outermost first: a shipped item of an invoice has its
             shipment's. They let a notification name `shipments[…].shippedItems[…]`.
    way      the tables from the entity down to the row's own, as in `("shipments", "shipped_items")`; with the
             GraphQL field where several lead there: `addresses.shippingAddress`. Empty: the schema tells the way.
    when     condition on `r` without which there is no such entity; spares the look-up.
    seller   SQL for the seller of the entity's own row, recorded when it is deleted for good or leaves that seller.
    left     the row's column that names the entity's seller. The entity is meant only when that changes: it has left
             the former one, without a change of its own row.
    """

    entity_type: str
    sql: str = "select r.id"
    parents: tuple[str, ...] = ()
    way: tuple[str, ...] = ()
    when: str = "true"
    seller: str = "null"
    left: str = ""

    @property
    def is_self(self) -> bool:
        return self.sql == "select r.id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A table whose changes are recorded. A change of `ignored` columns alone is none.

    is_log  its rows are written once and cleared away when they are old: only that they are added is recorded.
    """

    table: str
    roots: tuple[Root, ...]
    ignored: tuple[str, ...] = ("updated_at",)
    is_log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of `table` are parts of the rows of `of` that their `column` points to; of some only `when` it holds.

    field  the GraphQL field that shows them, where several of `of` show rows of this table.
    """

    table: str
    of: str
    column: str
    when: str = "true"
    field: str = ""

    @property
    def step(self) -> str:
        return f"{self.table}.{self.field}" if self.field else self.table


#: Whoever deletes an invoice together with its parts may delete it first: see remember_deleted_invoice.sql.
_OF_INVOICE = (
    "coalesce((select i.seller_id from invoices i where i.id = r.invoice_id),"
    " (select d.seller_id from deleted_invoices d where d.id = r.invoice_id))"
)

#: table → the GraphQL type that webhooks can be about, and SQL for the seller whose row it is.
_ENTITIES = {
    "orders": ("Order", "null"),
    "invoices": ("Invoice", "r.seller_id"),
    "shipments": ("Shipment", _OF_INVOICE),
    "refund_requests": ("RefundRequest", _OF_INVOICE),
    "adverts": ("Advert", "r.seller_id"),
    "variants": ("Variant", "r.seller_id"),
    "sellers": ("Seller", "r.id"),
    "operational_events": ("OperationalEvent", "null"),
}
_LOGS = {"operational_events"}

#: Entities that are seen by the seller of their invoice: (GraphQL type, table). When an invoice goes to another seller,
#: they leave the former one, too.
_SEEN_THROUGH_INVOICE = (("Shipment", "shipments"), ("RefundRequest", "refund_requests"))

#: Who can own external ids and metadata: GraphQL type → table.
_OWNERS = {
    "Order": "orders",
    "Invoice": "invoices",
    "LineItem": "line_items",
    "Shipment": "shipments",
    "RefundRequest": "refund_requests",
    "RefundRequestLineItem": "refund_request_line_items",
    "ReturnShipment": "return_shipments",
    "Advert": "adverts",
    "Variant": "variants",
    "Seller": "sellers",
}
#: Who can own images. Not brands, whose changes are not passed on.
_IMAGE_OWNERS = {"Advert": "adverts", "Variant": "variants", "RefundRequestNote": "refund_request_notes"}


def _owned(table: str, owners: dict[str, str]) -> Iterator[Part]:
    for name, of in owners.items():
        yield Part(table=table, of=of, column="owner_id", when=f"r.owner_type = '{name}'")


_PARTS = (
    Part(table="payment_events", of="orders", column="order_id"),
    Part(table="invoices", of="orders", column="order_id"),
    Part(table="line_items", of="invoices", column="invoice_id"),
    Part(table="adjustments", of="invoices", column="invoice_id", when="r.invoice_id is not null"),
    Part(table="adjustments", of="line_items", column="line_item_id", when="r.line_item_id is not null"),
    Part(table="invoice_annotations", of="invoices", column="invoice_id"),
    Part(table="shipments", of="invoices", column="invoice_id"),
    Part(table="shipped_items", of="shipments", column="shipment_id"),
    Part(table="shipment_statuses", of="shipments", column="shipment_id"),
    Part(table="invoice_amendments", of="invoices", column="invoice_id"),
    Part(table="invoice_amendment_line_items", of="invoice_amendments", column="invoice_amendment_id"),
    Part(table="refund_requests", of="invoices", column="invoice_id"),
    Part(table="refund_request_line_items", of="refund_requests", column="refund_request_id"),
    Part(table="refund_request_notes", of="refund_requests", column="refund_request_id"),
    Part(table="return_shipments", of="refund_requests", column="refund_request_id"),
    Part(table="return_shipped_items", of="return_shipments", column="return_shipment_id"),
    Part(table="return_shipment_statuses", of="return_shipments", column="return_shipment_id"),
    Part(table="variants", of="adverts", column="advert_id"),
    Part(table="advert_option_values", of="adverts", column="advert_id"),
    Part(table="variant_option_values", of="variants", column="variant_id"),
    Part(table="inventories", of="variants", column="variant_id"),
    *_owned("images", _IMAGE_OWNERS),
    *(
        Part(
            table="images",
            of="sellers",
            column="owner_id",
            when=f"r.owner_type = 'Seller' and r.kind = '{kind}'",
            field=field,
        )
        for kind, field in (("GALLERY", "storeImages"), ("LOGO", "logo"))
    ),
    *_owned("external_ids", _OWNERS),
    *_owned("metadata", _OWNERS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedDown:
    """What is also a change of each of its parts.

    sql  a SELECT of the parts' ids, from `{id}`.
    """

    table: str
    below: str
    below_table: str
    sql: str


#: By GraphQL type. Few rows each, and the watched columns drop most subscribers.
PASSED_DOWN = {
    "Order": PassedDown(
        table="orders",
        below="Invoice",
        below_table="invoices",
        sql="select d.id from invoices d where d.order_id = {id}",
    ),
    "Advert": PassedDown(
        table="adverts",
        below="Variant",
        below_table="variants",
        sql="select d.id from variants d where d.advert_id = {id} and d.deleted_at is null",
    ),
}
_DOWN_FROM = {down.table: down for down in PASSED_DOWN.values()}

#: Addresses have no owner: (entity, SELECT of the entities that point to `r`, way).
_ADDRESSED = (
    ("Order", "select o.id from orders o where o.address_id = r.id", "address"),
    ("Order", "select o.id from orders o where o.billing_address_id = r.id", "billingAddress"),
    ("Invoice", "select i.id from invoices i where i.shipping_address_id = r.id", "shippingAddress"),
    ("Invoice", "select i.id from invoices i where i.buyer_billing_address_id = r.id", "buyerBillingAddress"),
    ("Seller", "select s.id from sellers s where s.address_id = r.id", "address"),
)


def _chosen(column: str) -> tuple[Root, ...]:
    """Those who have chosen an option: a new name of it is one of theirs. Which choice it was is not said.

    OFFSET 0 keeps the two look-ups apart, each by its index: an option may be chosen once, or a million times.
    """
    variants = f"(select distinct c.variant_id from variant_option_values c where c.{column} = r.id offset 0) c"
    adverts = f"(select distinct c.advert_id from advert_option_values c where c.{column} = r.id offset 0) c"
    advert = "(select v.advert_id from variants v where v.id = c.variant_id offset 0) v"
    beside = "(select v.id from variants v where v.advert_id = c.advert_id and v.deleted_at is null offset 0) v"
    return (
        Root(entity_type="Variant", sql=f"select c.variant_id from {variants}", way=("",)),
        Root(entity_type="Variant", sql=f"select v.id from {adverts} cross join lateral {beside}", way=("",)),
        Root(entity_type="Advert", sql=f"select c.advert_id from {adverts}", way=("",)),
        Root(
            entity_type="Advert",
            sql=f"select distinct v.advert_id from {variants} cross join lateral {advert}",
            way=("",),
        ),
    )


def _chains(table: str) -> Iterator[tuple[Part, ...]]:
    """Every way up from a table's rows, each from the row itself to a row above it."""
    for part in _PARTS:
        if part.table == table:
            yield (part,)
            for above in _chains(part.of):
                yield (part, *above)


def _above(chain: tuple[Part, ...]) -> Iterator[Root]:
    """The entity at the upper end of a chain, if it is one, and those that its change is passed down to."""
    ids = [f"r.{chain[0].column}"]
    for part in chain[1:]:
        ids.append(f"(select p.{part.column} from {part.table} p where p.id = {ids[-1]})")
    parents, top, when = tuple(reversed(ids[:-1])), chain[-1].of, chain[0].when
    way = tuple(part.step for part in reversed(chain))
    if top in _ENTITIES:
        is_plain = way == (chain[0].table,)
        yield Root(
            entity_type=_ENTITIES[top][0],
            sql=f"select {ids[-1]} where {when}",
            parents=parents,
            way=() if is_plain else way,
            when=when,
        )
    passed = _DOWN_FROM.get(top)
    # A change of one part is passed on to the parts beside it when it is published:
    # workers/publish/sibling_changes.py.
    if passed and passed.below_table != chain[-1].table:
        yield Root(
            entity_type=passed.below,
            sql=f"{passed.sql.format(id=ids[-1])} and {when}",
            parents=parents,
            way=(top, *way),
            when=when,
        )


def _captured(table: str) -> Captured:
    roots: list[Root] = []
    if table in _ENTITIES:
        entity_type, seller = _ENTITIES[table]
        roots.append(Root(entity_type=entity_type, seller=seller))
    if table in _DOWN_FROM:
        passed = _DOWN_FROM[table]
        roots.append(Root(entity_type=passed.below, sql=passed.sql.format(id="r.id")))
    roots += [root for chain in _chains(table) for root in _above(chain)]
    if table == "invoices":
        roots += [
            Root(entity_type=name, sql=f"select d.id from {below} d where d.invoice_id = r.id", left="seller_id")
            for name, below in _SEEN_THROUGH_INVOICE
        ]
    return Captured(table=table, roots=tuple(roots), is_log=table in _LOGS)


CAPTURED = (
    *(_captured(table) for table in dict.fromkeys([*_ENTITIES, *(part.table for part in _PARTS)])),
    Captured(
        table="addresses",
        roots=(
            *(Root(entity_type=name, sql=sql, way=(f"addresses.{field}",)) for name, sql, field in _ADDRESSED),
            *(
                Root(
                    entity_type="Invoice",
                    sql=f"select i.id from (select o.id from orders o where o.{column} = r.id offset 0) o"
                    " cross join lateral (select i.id from invoices i where i.order_id = o.id offset 0) i",
                    way=("orders", f"addresses.{field}"),
                )
                for column, field in (("address_id", "address"), ("billing_address_id", "billingAddress"))
            ),
        ),
    ),
    Captured(table="option_types", roots=_chosen("option_type_id")),
    Captured(table="option_values", roots=_chosen("option_value_id")),
)
