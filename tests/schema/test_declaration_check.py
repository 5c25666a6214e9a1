"""A declaration that does not fit its table fails when the schema is built, by a sentence that names it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry

from app.db.sellers import SELLERS
from app.db.table import Table
from app.domain.advert import AdvertCondition
from schema.connections import Connection
from schema.declaration_check import DeclarationError, check_declarations
from schema.declarations import ENTITIES, SCOPES, VISIBILITY, Link
from schema.enums import PricingModelEnum
from schema.fields import cents, column, computed, entity, formatted, global_id, pages, relation
from schema.listings import listing
from schema.lookups import lookup
from schema.types.owned import owner
from schema.types.seller import Seller
from schema.visibility import OfSeller, Through, Visibility


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


PROMOTIONS = Table("promotions", PromotionRow)
OF_SELLER = OfSeller("seller_id")


@pytest.fixture(autouse=True)
def own_types() -> Iterator[None]:
    """Types of one test are no types of the next one."""
    registries: list[dict[str, Any]] = [ENTITIES, VISIBILITY, SCOPES]
    before = [dict(registry) for registry in registries]
    yield
    for registry, kept in zip(registries, before, strict=True):
        registry.clear()
        registry.update(kept)


def _problems(type_: Any, declared: Any, *, visible: Visibility = OF_SELLER) -> list[str]:
    """What is said of a type over promotions with one such field, `tried`."""
    made = type("Promotion", (), {"__annotations__": {"tried": type_}, "tried": declared})
    return _problems_of(entity(PROMOTIONS, visible=visible, description="A promotion.")(made))


def _problems_of(promotion: type, root: Any = None) -> list[str]:
    fields = {"promotion": promotion | None, **({"tried": root[0]} if root else {})}
    values = {"promotion": strawberry.field(description="One."), **({"tried": root[1]} if root else {})}
    query = strawberry.type(type("Query", (), {"__annotations__": fields, **values}), description="The root.")
    try:
        check_declarations(strawberry.Schema(query=query)._schema)
    except DeclarationError as error:
        return str(error).splitlines()
    return []


FITTING: list[tuple[Any, Any]] = [
    (str, column("Name.", "name")),
    (str | None, column("A field may be null where its column may not.", "name")),
    (list[str], column("Tags.", "tags")),
    (strawberry.ID, global_id("Promotion")),
    (int | None, cents("Amount.", "percent_off")),
    (Seller, relation(SELLERS, local="seller_id", description="Seller.")),
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
        Seller | None,
        relation(SELLERS, local="sellr_id", description="Seller."),
        "the table promotions has no column sellr_id.",
    ),
    (
        Connection[Seller],
        pages(SELLERS, remote="promotion_id", description="Sellers."),
        "the table sellers has no column promotion_id.",
    ),
    (
        Seller,
        relation(SELLERS, local="parent_id", description="Seller."),
        "it must be nullable, because promotions.parent_id may be null.",
    ),
    (
        Seller,
        relation(SELLERS, local="name", description="Seller."),
        "promotions.name is str, not the bigint of the key.",
    ),
    (
        list[Seller],
        relation(SELLERS, remote="business_name", description="Sellers."),
        "sellers.business_name is str, not the bigint of the key.",
    ),
    (
        list[Seller],
        relation(SELLERS, remote="id", is_list=True, filters=("onlin",), description="Sellers."),
        "the table sellers has no column onlin.",
    ),
    (
        str | None,
        relation(SELLERS, remote="id", classify=str, decides=("nmae",), description="A value over rows."),
        "the table sellers has no column nmae.",
    ),
    (
        Seller,
        relation(PROMOTIONS, local="id", description="Promotion."),
        "it leads to rows of promotions, but Seller is no type over them.",
    ),
    (
        Seller,
        relation(SELLERS, remote="address_id", description="Sellers."),
        "it leads to a list, but its type is Seller!.",
    ),
    (
        list[Seller],
        relation(SELLERS, local="seller_id", description="Seller."),
        "it leads to one row, but its type is [Seller!]!.",
    ),
    (
        list[Seller],
        pages(SELLERS, remote="address_id", description="Sellers."),
        "it has pages, but its type [Seller!]! is no connection.",
    ),
    (
        list[Seller],
        relation(
            SELLERS,
            link=Link(table="promoted", column="seller_id", target_column="id", key="promotion_id"),
            is_list=True,
            description="Sellers.",
        ),
        "it leads through promoted, which is no table of a type.",
    ),
    (
        list[Seller],
        relation(
            SELLERS,
            link=Link(table="adverts", column="seler_id", target_column="id", key="brand_id"),
            is_list=True,
            description="Sellers.",
        ),
        "the table adverts has no column seler_id.",
    ),
]


@pytest.mark.parametrize(("type_", "declared", "problem"), RELATIONS)
def test_refuses_a_relation(type_: Any, declared: Any, problem: str) -> None:
    assert _problems(type_, declared) == [f"Promotion.tried: {problem}"]


def test_refuses_an_owner_that_no_column_names() -> None:
    assert _problems(Seller, owner([Seller], "Owner.")) == [
        "Promotion.tried: the table promotions has no column owner_type.",
        "Promotion.tried: the table promotions has no column owner_id.",
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (OfSeller("seler_id"), "its rule of visibility: the table promotions has no column seler_id."),
        (
            Through("advertt_id", "adverts", OfSeller()),
            "its rule of visibility: the table promotions has no column advertt_id.",
        ),
        (
            Through("parent_id", "advertts", OfSeller()),
            "its rule of visibility leads through advertts, which is no table of a type.",
        ),
    ],
)
def test_refuses_a_rule_of_visibility(rule: Visibility, problem: str) -> None:
    assert _problems(str, column("Name.", "name"), visible=rule) == [f"Promotion: {problem}"]


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
        relation(SELLERS, description="No entity."),
        "it is a relation, but its type is not declared as an entity.",
    ),
]


@pytest.mark.parametrize(("type_", "declared", "problem"), ROOTS)
def test_refuses_a_field_of_the_root(type_: Any, declared: Any, problem: str) -> None:
    (said,) = _problems_of(Seller, (type_, declared))

    assert said.startswith(f"Query.tried: {problem}")


def test_says_all_that_is_wrong_at_once() -> None:
    @entity(PROMOTIONS, visible=OfSeller("seller_id"), description="A promotion.")
    class Promotion:
        percent_off: str = column("Percent.")
        nmae: str = column("Name.")

    assert _problems_of(Promotion) == [
        "Promotion.percentOff: its type is String!, but promotions.percent_off is int.",
        "Promotion.nmae: the table promotions has no column nmae.",
    ]
