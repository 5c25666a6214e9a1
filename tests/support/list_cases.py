"""Every filter and every order of the marketplace's root lists, as documents; and what a page of each reads.

Above 300 lines: a table with one entry for each filter and order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg
from graphql import ArgumentNode, FieldNode, ObjectValueNode, OperationDefinitionNode, ValueNode, parse

from app.auth.viewers import Viewer
from app.db.keyset import encode_cursor
from app.marketplace.catalogue.db.sellers import SellerId
from schema.engine.plans.arguments import Arguments
from schema.engine.statements import listed_values
from schema.entities.declarations import Listing, ListQuery
from schema.entities.declared import declaration_of
from schema.entities.global_ids import encode
from tests.builders.large_marketplace import BUYER, NAME
from tests.schema.walk import GRAPH, listed
from tests.support.operation import run_operation
from tests.support.watched import MeasuredConnection, buffers_read

#: One with a tenth of all rows, one with few, and one without any.
LARGE, SMALL, NOBODY = Viewer(SellerId(1)), Viewer(SellerId(7)), Viewer(SellerId(10_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearCase:
    """Pages that read more than others, and why. The documentation says so: app/docs/api.md."""

    name: str
    given: str
    of_sellers_alone: bool = False
    reason: str

    def matches(self, case: "ListCase") -> bool:
        is_meant = not (self.of_sellers_alone and case.viewer.is_operator)
        return is_meant and case.name == self.name and self.given in case.given


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCase:
    """A page of a root list with these arguments, as `filters: {legacyId: 7}`; the empty text is the whole list."""

    name: str
    given: str
    viewer: Viewer

    def __str__(self) -> str:
        of = "operator" if self.viewer.is_operator else f"seller {self.viewer.seller_id}"
        return f"{self.name}({self.given}), {of}"

    def document(self, page: str = "first: 50", selected: str = "nodes { __typename } pageInfo { hasNextPage }") -> str:
        return f"{{ {self.name}({', '.join(one for one in (self.given, page) if one)}) {{ {selected} }} }}"

    @property
    def is_linear(self) -> bool:
        return any(one.matches(self) for one in LINEAR)

    @property
    def field(self) -> FieldNode:
        (operation,) = parse(self.document()).definitions
        assert isinstance(operation, OperationDefinitionNode)
        (field,) = operation.selection_set.selections
        assert isinstance(field, FieldNode)
        return field

    @property
    def paths(self) -> set[tuple[str, ...]]:
        """The arguments and the fields of input objects that it gives, as of `walk.filters_of`."""
        return {path for given in self.field.arguments or () for path in _paths(given)}

    def query(self, viewer: Viewer) -> ListQuery:
        """Return what the list asks for on behalf of a viewer."""
        given = Arguments(GRAPH, listed(self.name)[0], self.field).of(None)
        return listing_of(self.name).ask(viewer, **{name: one for name, one in given.items() if name != "first"})

    async def cursor(self, conn: asyncpg.Connection) -> str | None:
        """The cursor of a row in the midst of the list; None if it has none."""
        table, asked = listing_of(self.name).target, self.query(self.viewer)
        statement = listed_values(table, self.viewer, asked, "id")
        found = sorted(row["id"] for row in await conn.fetch(statement.sql, *statement.args))
        if not found:
            return None
        where = f"from {table.name} t where id = $1"
        record = await conn.fetchrow(f"select {table.select_list('t')} {where}", found[len(found) // 2])
        assert record is not None
        return encode_cursor(table.name, asked.sort, table.rows([record])[0])


def listing_of(name: str) -> Listing:
    found = declaration_of(listed(name)[0])
    assert isinstance(found, Listing)
    return found


def _paths(given: ArgumentNode) -> Iterator[tuple[str, ...]]:
    value: ValueNode = given.value
    if isinstance(value, ObjectValueNode) and given.name.value != "externalId":
        yield from ((given.name.value, field.name.value) for field in value.fields)
    else:
        yield (given.name.value,)


async def buffers_of(conn: MeasuredConnection, case: ListCase, document: str) -> tuple[int, str]:
    """Return how many buffers the statements of an operation read, and their plans."""
    conn.plans, conn.is_explaining = [], True
    answer = await run_operation(conn, document, viewer=case.viewer)
    conn.is_explaining = False
    assert answer.errors == [], (document, answer.errors)
    return sum(buffers_read(plan) for plan in conn.plans), "\n".join(conn.plans)


def _id(type_name: str, key: int) -> str:
    return f'"{encode(type_name, key)}"'


def _periods(*names: str, year: int = 2026) -> list[str]:
    """A period of a day in the middle, one that nothing is in, one that all is in, and one to each side."""
    day, next_day, never = f'"{year}-04-01T00:00:00Z"', f'"{year}-04-02T00:00:00Z"', '"2090-01-01T00:00:00Z"'
    ever = '"2000-01-01T00:00:00Z"'
    return [
        text
        for name in names
        for text in (
            f"{name}Since: {day}, {name}Until: {next_day}",
            f"{name}Since: {never}",
            f"{name}Since: {ever}",
            f"{name}Since: {day}",
            f"{name}Until: {day}",
            f"{name}Until: {ever}",
        )
    ]


LINEAR = (
    LinearCase(name="invoices", given="{notDispatched: true", reason="all that awaits dispatch is read"),
    LinearCase(name="invoices", given="awaitingReturn: true}, sort: {fields: [UPDATED_AT", reason="it is sorted"),
    LinearCase(name="invoices", given="awaitingCollection: true}, sort: {fields: [UPDATED_AT", reason="it is sorted"),
    LinearCase(name="invoices", given="sort: {fields: [STATUS", of_sellers_alone=True, reason="nobody pages by it"),
    LinearCase(name="invoices", given='buyerName: "ada ', reason="the places of its common parts are looked up"),
    LinearCase(name="refundRequests", given="buyerName", reason="the invoice of each request is looked up"),
    LinearCase(name="refundRequests", given="businessName", reason="the seller of each request is looked up"),
    LinearCase(name="variantsWhere", given="advertFilters", reason="the advert of each variant is looked up"),
    LinearCase(name="variantsWhere", given="stocked", reason="an index would make each change of stock dearer"),
    LinearCase(name="variantsWhere", given="infiniteQuantity", reason="as stocked"),
    LinearCase(name="variantsWhere", given="quantity", reason="as stocked"),
    LinearCase(name="remittances", given="processed", reason="the advice of each remittance is looked up"),
    LinearCase(name="remittances", given="retailerBusinessNames", reason="the seller of each remittance is looked up"),
    LinearCase(name="remittances", given="released: false", of_sellers_alone=True, reason="its own rows are read"),
)

_INVOICE_TIMES = ("created", "updated", "paid", "remitted")
_INVOICES = [
    *_periods(*_INVOICE_TIMES),
    "statuses: [PAID]",
    "statuses: [SENT]",
    "statuses: [PAID, SENT, PARTIALLY_SENT]",
    "statuses: [PAYMENT_UNDER_REVIEW]",
    "statuses: []",
    "legacyId: 7",
    "orderId: 7",
    'externalId: "Order-70"',
    'externalId: "Invoice-70"',
    'externalId: "none"',
    f'buyerName: "{NAME[:6]}"',
    f'buyerName: "ada {NAME}"',
    'buyerName: "ada"',
    'buyerName: "nobody at all"',
    f'buyerEmailAddress: "{BUYER}"',
    'buyerEmailAddress: "nobody@example.org"',
    "notDispatched: true",
    "notDispatched: false",
    "awaitingReturn: true",
    "awaitingReturn: false",
    "awaitingCollection: true",
    "awaitingCollection: false",
    f"withUnresolvedAnnotationsOfType: {_id('InvoiceAnnotationType', 3)}",
    f"withUnresolvedAnnotationsOfType: {_id('InvoiceAnnotationType', 99)}",
]
_SORTS = [
    f"sort: {{fields: [{field}], ordering: {ordering}}}"
    for field in ("CREATED_AT", "UPDATED_AT", "PAID_AT", "REMITTED_AT", "STATUS")
    for ordering in ("ASCENDING", "DESCENDING")
]
#: Filters that integrators page by in an order that they name.
_SORTED = [
    f"filters: {{{filters}}}, sort: {{fields: [{field}], ordering: {ordering}}}"
    for filters, fields in (
        ("statuses: [PAID]", ("CREATED_AT", "UPDATED_AT")),
        ("statuses: [PAID, SENT]", ("CREATED_AT", "UPDATED_AT")),
        ("statuses: [PAYMENT_UNDER_REVIEW]", ("CREATED_AT", "UPDATED_AT")),
        ('statuses: [PAID], createdSince: "2026-04-01T00:00:00Z"', ("CREATED_AT",)),
        ('statuses: [SENT], updatedSince: "2026-04-01T00:00:00Z"', ("UPDATED_AT",)),
        ('updatedSince: "2026-04-01T00:00:00Z"', ("UPDATED_AT",)),
        ('paidSince: "2026-04-01T00:00:00Z"', ("PAID_AT",)),
        ("awaitingReturn: true", ("CREATED_AT", "UPDATED_AT")),
        ("awaitingCollection: true", ("CREATED_AT", "UPDATED_AT")),
        (f'buyerEmailAddress: "{BUYER}"', ("CREATED_AT", "UPDATED_AT", "PAID_AT")),
    )
    for field in fields
    for ordering in ("ASCENDING", "DESCENDING")
]
_ADVERT_FILTERS = [
    "legacyIds: [7, 9]",
    f"brandIds: [{_id('Brand', 7)}]",
    f"taxonIds: [{_id('Taxon', 7)}]",
    'title: "kettle"',
    'title: "0f0f0f"',
    "published: true",
    "published: false",
    "vetted: true",
    "vetted: false",
    *_periods("created", "updated"),
    'externalId: {key: "erp", value: "Advert-90"}',
]
#: Of each list: the arguments of its cases.
GIVEN: dict[str, Sequence[str]] = {
    "invoices": ["", *(f"filters: {{{one}}}" for one in _INVOICES), *_SORTS, *_SORTED],
    "refundRequests": [
        "",
        *(
            f"filters: {{{one}}}"
            for one in (
                "statuses: [AWAITING]",
                "statuses: [REFUNDED]",
                "statuses: [DENIED, PROCESSED]",
                "lineItemStatuses: [AWAITING_RETURN]",
                "lineItemStatuses: [REFUNDED]",
                "lineItemStatuses: [REFUND_ACCEPTED]",
                "lineItemStatuses: [PENDING_APPROVAL]",
                *_periods("created", "refunded"),
                "invoiceLegacyId: 27",
                "legacyId: 7",
                f'buyerName: "{NAME}"',
                'buyerName: "ada"',
                f'buyerEmailAddress: "{BUYER}"',
                'buyerEmailAddress: "nobody@example.org"',
                'businessName: "Seller 9"',
                'businessName: "nobody"',
            )
        ),
        f"sellerId: {_id('Seller', 1)}",
        f"sellerId: {_id('Seller', 9)}",
    ],
    "updatedRefundRequests": ['updatedSince: "2026-04-01T00:00:00Z"', 'updatedSince: "2090-01-01T00:00:00Z"'],
    "variantsWhere": [
        "",
        *(
            f"variantFilters: {{{one}}}"
            for one in (
                'skus: ["SKU-7", "SKU-99"]',
                'barcodes: ["9700000000007"]',
                "stocked: true",
                "stocked: false",
                "infiniteQuantity: true",
                "infiniteQuantity: false",
                "quantityFrom: 1000",
                "quantityFrom: 1",
                "quantityTo: 0",
                "quantityTo: 50",
                'externalId: {key: "erp", value: "Variant-70"}',
            )
        ),
        *(f"advertFilters: {{{one}}}" for one in _ADVERT_FILTERS),
        *(
            f"advertFilters: {{{one}}}"
            for one in (
                f"sellerIds: [{_id('Seller', 9)}]",
                'codes: ["K-7"]',
                "conditions: [USED]",
                "conditions: [NEW]",
                "online: true",
                "online: false",
            )
        ),
    ],
    "advertsWhere": [
        "",
        *_ADVERT_FILTERS,
        'q: "7"',
        'q: "0f0f0f"',
        f"retailerIds: [{_id('Seller', 9)}]",
        "status: DISPLAYED",
        "status: NOT_DISPLAYED",
        'variantSkus: ["SKU-7"]',
        'variantBarcodes: ["9700000000007"]',
    ],
    "allAdverts": ["", 'updatedSince: "2026-04-01T00:00:00Z"', 'updatedSince: "2090-01-01T00:00:00Z"'],
    "updatedOrders": ['updatedSince: "2026-04-01T00:00:00Z"', 'updatedSince: "2090-01-01T00:00:00Z"'],
    "invoiceAmendments": [
        "",
        *(
            f"filters: {{{one}}}"
            for one in (
                *_periods("created", "updated", "remitted"),
                "legacyId: 7",
                "invoiceLegacyId: 27",
                "orderId: 27",
            )
        ),
        *(one for one in _SORTS if "PAID_AT" not in one and "STATUS" not in one),
    ],
    "sellers": [""],
    "shipmentCarriers": [""],
    "invoiceAnnotationType": [""],
    "remittances": [
        "",
        *_periods("created"),
        f"invoiceIds: [{_id('Invoice', 27)}]",
        "invoiceLegacyIds: [27, 47]",
        f"invoiceAmendmentIds: [{_id('InvoiceAmendment', 7)}]",
        "invoiceAmendmentLegacyIds: [7]",
        "released: true",
        "released: false",
        "processed: true",
        "processed: false",
        'retailerBusinessNames: ["Seller 9"]',
        'remittableType: "Invoice"',
        'remittableType: "InvoiceAmendment"',
        f"retailerIds: [{_id('Seller', 9)}]",
    ],
    "remittanceAdvices": [
        "",
        *_periods("created", "paid"),
        f"invoiceIds: [{_id('Invoice', 27)}]",
        "invoiceLegacyIds: [27, 47]",
        f"invoiceAmendmentIds: [{_id('InvoiceAmendment', 7)}]",
        "invoiceAmendmentLegacyIds: [7]",
        "legacyIds: [7]",
        'paymentReference: ["REF-7"]',
        f"retailerIds: [{_id('Seller', 9)}]",
        "retailerLegacyIds: [9]",
        'retailerNames: ["Seller 9"]',
        "total: 0.01",
        "total: 77",
        "totalPaid: 0.01",
    ],
    "commissionPackages": [
        "",
        *_periods("created"),
        "appliesToPostage: true",
        'name: "Package 7"',
        f"retailerIds: [{_id('Seller', 9)}]",
        *(
            f"sort: {{fields: [{field}], ordering: {ordering}}}"
            for field in ("CREATED_AT", "UPDATED_AT", "RATE")
            for ordering in ("ASCENDING", "DESCENDING")
        ),
    ],
    "brands": [""],
    "taxons": ["", f"parentId: {_id('Taxon', 7)}"],
    "optionTypes": [""],
    "countries": [""],
}


def list_cases(*viewers: Viewer) -> Iterator[ListCase]:
    for name, all_given in GIVEN.items():
        for given in all_given:
            for viewer in viewers:
                if viewer.is_operator or name not in ("updatedOrders", "commissionPackages"):
                    yield ListCase(name=name, given=given, viewer=viewer)
