"""A declaration that does not fit its table fails when the schema is built, by a sentence that names it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry

from app.db.graph import tables
from app.db.table import OfSeller, Reference, Table, Through
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.domain.advert import AdvertCondition
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from schema import CONFIG
from schema.entities.connections import Connection
from schema.entities.declaration_check import DeclarationError, check_declarations
from schema.entities.declarations import ENTITIES, SCOPES, VISIBILITY
from schema.entities.fields import cents, column, computed, entity, formatted, global_id
from schema.entities.listings import listing
from schema.entities.lookups import lookup
from schema.entities.relations import pages, relation, relation_list, same_row
from schema.enums.marketplace import PricingModelEnum
from schema.types.catalogue.seller import Seller
from schema.types.owned.fields import ExternalIDs, external_ids, logo, owner


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRow:
    id: int
    seller_id: int
    parent_id: int | None
    name: str
    note: str | None
    percent_off: int
    condition: AdvertCondition
    tags: tuple[str, ...]
    currency: str


PROMOTIONS = Table(
    "promotions",
    PromotionRow,
    type_name="Promotion",
    seen_by=OfSeller(),
    keys={"seller_id": SELLERS, "parent_id": Reference()},
    owns=(EXTERNAL_IDS,),
)
GRAPH = {**tables(), "promotions": PROMOTIONS}


@pytest.fixture(autouse=True)
def own_types() -> Iterator[None]:
    """Types of one test are no types of the next one."""
    registries: list[dict[str, Any]] = [ENTITIES, VISIBILITY, SCOPES]
    before = [dict(registry) for registry in registries]
    yield
    for registry, kept in zip(registries, before, strict=True):
        registry.clear()
        registry.update(kept)


def _problems(type_: Any, declared: Any) -> list[str]:
    """Return the sentences about a type over promotions with one such field, `tried`."""
    made = type("Promotion", (), {"__annotations__": {"tried": type_}, "tried": declared})
    return _problems_of(entity(PROMOTIONS, description="A promotion.")(made))


def _problems_of(promotion: type, root: Any = None, graph: Mapping[str, Table[Any]] = GRAPH) -> list[str]:
    fields = {"promotion": promotion | None, **({"tried": root[0]} if root else {})}
    values = {"promotion": strawberry.field(description="One."), **({"tried": root[1]} if root else {})}
    query = strawberry.type(type("Query", (), {"__annotations__": fields, **values}), description="The root.")
    try:
        check_declarations(strawberry.Schema(query=query, config=CONFIG)._schema, graph)
    except DeclarationError as error:
        return str(error).splitlines()
    return []


FITTING: list[tuple[Any, Any]] = [
    (str, column("Name.", "name")),
    (str | None, column("A field may be null where its column may not.", "name")),
    (list[str], column("Tags.", "tags")),
    (strawberry.ID, global_id("Promotion")),
    (int | None, cents("Amount.", "percent_off")),
    (Seller, relation(PROMOTIONS.seller_id, description="Seller.")),
    (ExternalIDs, external_ids(PROMOTIONS)),
]


@pytest.mark.parametrize(("type_", "declared"), FITTING)
def test_says_nothing_of_what_fits(type_: Any, declared: Any) -> None:
    assert _problems(type_, declared) == []


LEAVES: list[tuple[Any, Any, str]] = [
    (int, column("Percent.", "percent_offf"), "the table promotions has no column percent_offf."),
    (int, column("Its own name."), "the table promotions has no column tried."),
    (int, column("Name.", "name"), "its type is Int!, but promotions.name is str."),
    (str, column("Note.", "note"), "it must be nullable, because promotions.note may be null."),
    (str, column("Tags.", "tags"), "its type is String!, but promotions.tags is tuple[str, ...]."),
    (list[int], column("Tags.", "tags"), "its type is [Int!]!, but promotions.tags is tuple[str, ...]."),
    (
        PricingModelEnum,
        column("Condition.", "condition"),
        "its type is PricingModelEnum!, but promotions.condition is AdvertCondition.",
    ),
    (
        str,
        computed(lambda row: row.name, reads=("name", "titel"), description="Title."),
        "the table promotions has no column titel.",
    ),
    (int | None, cents("Amount.", "amount_cents"), "the table promotions has no column amount_cents."),
    (int | None, cents("Amount.", "name"), "its type is Int, but promotions.name is str."),
    (str | None, formatted("Amount.", "amount_cents"), "the table promotions has no column amount_cents."),
    (strawberry.ID, global_id("Promotoin"), "it gives ids of Promotoin, which is no type over promotions."),
    (strawberry.ID, global_id("Seller"), "it gives ids of Seller, which is no type over promotions."),
]


@pytest.mark.parametrize(("type_", "declared", "problem"), LEAVES)
def test_refuses_a_leaf(type_: Any, declared: Any, problem: str) -> None:
    assert _problems(type_, declared) == [f"Promotion.tried: {problem}"]


RELATIONS: list[tuple[Any, Any, str]] = [
    (
        Seller,
        relation(PROMOTIONS.parent_id, description="Parent."),
        "it must be nullable, because promotions.parent_id may be null.",
    ),
    (
        Seller,
        relation(PROMOTIONS.parent_id, description="Parent."),
        "it leads to rows of promotions, but Seller is no type over them.",
    ),
    (
        Seller | None,
        relation(ADVERTS.seller_id, description="Seller."),
        "it is a relation of rows of adverts, but Promotion shows rows of promotions.",
    ),
    (
        list[Seller],
        relation_list(ADVERTS.seller_id, description="Adverts."),
        "it is a relation of rows of sellers, but Promotion shows rows of promotions.",
    ),
    (
        ExternalIDs,
        external_ids(ADVERTS),
        "it is a relation of rows of adverts, but Promotion shows rows of promotions.",
    ),
    (
        Seller | None,
        same_row(ADVERTS, description="Itself."),
        "it is a relation of rows of adverts, but Promotion shows rows of promotions.",
    ),
    (
        Seller | None,
        same_row(PROMOTIONS, filters=("onlin",), description="Itself."),
        "the table promotions has no column onlin.",
    ),
    (
        str | None,
        relation_list(PROMOTIONS.parent_id, classify=str, decides=("nmae",), description="A value over rows."),
        "the table promotions has no column nmae.",
    ),
    (
        Seller,
        relation_list(PROMOTIONS.parent_id, description="Children."),
        "it leads to a list, but its type is Seller!.",
    ),
    (
        list[Seller],
        relation(PROMOTIONS.seller_id, description="Seller."),
        "it leads to one row, but its type is [Seller!]!.",
    ),
    (
        list[Seller],
        pages(PROMOTIONS.parent_id, description="Children."),
        "it has pages, but its type [Seller!]! is no connection.",
    ),
]


@pytest.mark.parametrize(("type_", "declared", "problem"), RELATIONS)
def test_refuses_a_relation(type_: Any, declared: Any, problem: str) -> None:
    assert f"Promotion.tried: {problem}" in _problems(type_, declared)


@pytest.mark.parametrize(
    ("mistyped", "problem"),
    [
        (lambda: PROMOTIONS.sellr_id, "The table promotions has no key sellr_id."),
        (lambda: _table(keys={"sellr_id": SELLERS}), "The key tried.sellr_id: the table tried has no column sellr_id."),
        (
            lambda: _table(keys={"seller_id": Reference(to=SELLERS, remote="idd")}),
            "The key tried.seller_id: the table sellers has no column idd.",
        ),
        (lambda: _table(keys={"name": SELLERS}), "The key tried.name is of another type than sellers.id."),
        (
            lambda: _table(seen_by=OfSeller("seler_id")),
            "The table tried has no column seler_id, which is to name its seller.",
        ),
        (lambda: _table(seen_by=Through("advertt_id")), "The table tried has no key advertt_id."),
        (lambda: _table(owns=(EXTERNAL_IDS,)), "The table tried has no name for the type of its rows."),
        (
            lambda: logo(PROMOTIONS, "Logo."),
            "The table promotions does not say that its rows own images LOGO.",
        ),
        (
            lambda: relation(ADVERTS.seller_id, through=PROMOTIONS.seller_id, description="Nonsense."),
            "adverts.seller_id does not lead on from promotions.seller_id.",
        ),
    ],
)
def test_refuses_a_key_or_a_rule_at_once(mistyped: Callable[[], object], problem: str) -> None:
    with pytest.raises((AttributeError, TypeError)) as refused:
        mistyped()

    assert str(refused.value) == problem


def _table(**given: Any) -> Table[PromotionRow]:
    return Table("tried", PromotionRow, **given)


def test_refuses_an_owner_that_no_column_names() -> None:
    assert _problems(Seller, owner(EXTERNAL_IDS, "Owner.")) == [
        "Promotion.tried: the table promotions has no column owner_type.",
        "Promotion.tried: the table promotions has no column owner_id.",
    ]


def test_refuses_a_table_without_triggers() -> None:
    @entity(PROMOTIONS, description="A promotion.")
    class Promotion:
        name: str = column("Name.")

    assert _problems_of(Promotion, graph=tables()) == [
        "Promotion: its table promotions is not in the graph, so its changes would not be recorded."
    ]


def test_refuses_a_table_that_no_type_shows() -> None:
    assert _problems_of(Seller) == ["The table promotions: its rows are called Promotion, which is no type over them."]


def test_refuses_a_kind_of_webhook_that_no_table_stands_for() -> None:
    unsubscribed = Table("sellers", SELLERS.row)
    subscribed = Table("promotions", PromotionRow, type_name="Promotion", is_subscribable=True)

    problems = _problems_of(Seller, graph={**tables(), "sellers": unsubscribed, "promotions": subscribed})

    assert problems == [
        "The table promotions: its rows are called Promotion, which is no type over them.",
        "WebhookKlass: no table is subscribable as Seller.",
        "WebhookKlass: it has no member for Promotion.",
        "Seller: its table sellers is not in the graph, so its changes would not be recorded.",
    ]


ROOTS: list[tuple[Any, Any, str]] = [
    (Connection[Seller], listing(PROMOTIONS, description="All."), "it leads to rows of promotions, but Seller is no"),
    (list[Seller], listing(SELLERS, description="All."), "it has pages, but its type [Seller!]! is no connection."),
    (Seller, listing(SELLERS, is_whole=True, description="All."), "it leads to a list, but its type is Seller!."),
    (
        Seller | None,
        lookup("seller_id", "Id.", type_name="Sellr", description="One."),
        "it finds a Sellr, which is no entity.",
    ),
    (str, column("No entity.", "name"), "it reads columns, but its type is not declared as an entity."),
    (
        Seller | None,
        relation(PROMOTIONS.seller_id, description="No entity."),
        "it is a relation, but its type is not declared as an entity.",
    ),
]


@pytest.mark.parametrize(("type_", "declared", "problem"), ROOTS)
def test_refuses_a_field_of_the_root(type_: Any, declared: Any, problem: str) -> None:
    (said,) = _problems_of(Seller, (type_, declared), tables())

    assert said.startswith(f"Query.tried: {problem}")


def test_says_all_that_is_wrong_at_once() -> None:
    @entity(PROMOTIONS, description="A promotion.")
    class Promotion:
        percent_off: str = column("Percent.")
        nmae: str = column("Name.")

    assert _problems_of(Promotion) == [
        "Promotion.percentOff: its type is String!, but promotions.percent_off is int.",
        "Promotion.nmae: the table promotions has no column nmae.",
    ]
