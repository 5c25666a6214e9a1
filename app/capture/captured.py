"""Change capture watches entities and all rows whose change is a change of one. It follows from the graph.

A change of a part is a change of every entity above it. `app/capture/triggers.py` makes triggers of this.
Not passed on: what many rows refer to and none contains (sellers, brands, taxons, countries, states, carriers).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from app.db.graph import Cascade, Part, cascades, parts_of_wholes, path_to_seller, references_to, subscribable, tables
from app.db.table import WITH_REFERRERS, OfSeller, OperatorOnly, Table, Through
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.option_types import OPTION_TYPES, OPTION_VALUES
from app.marketplace.catalogue.db.variants import VARIANTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """An entity that a row's change is a change of.

    sql      a SELECT of the entity's ids from the row `r`.
    parents  SQL for the ids between entity and row, outermost first: a shipped item of an invoice has its
             shipment's. They let a notification name the shipment, and the item in it.
    way      the tables from the entity down to the row's own, as in `("shipments", "shipped_items")`; with the key or
             the kind where several lead there: `addresses.shipping_address_id`, `images.LOGO`. Empty: the shortest.
    when     condition on `r` without which there is no such entity; spares the look-up.
    seller   SQL for the seller of the entity's own row, recorded when it is deleted for good or leaves that seller.
    sellers  SQL for the sellers of the rows from below the entity to the row itself, which may be others than the
             entity's; at most one each. Empty where no row of the way names a seller.
    left     the row's column that names the entity's seller. The entity is meant only when that changes: it has left
             the former one, without a change of its own row.
    is_list  the entity only lists the row: it is meant when the row comes or goes, but not when it changes.
    """

    entity_type: str
    sql: str = "select r.id"
    parents: tuple[str, ...] = ()
    way: tuple[str, ...] = ()
    when: str = "true"
    seller: str = "null"
    sellers: tuple[str, ...] = ()
    left: str = ""
    is_list: bool = False

    @property
    def is_self(self) -> bool:
        return self.sql == "select r.id"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedTable:
    """A table whose changes are recorded, without those of `ignored` columns.

    is_log  its rows are written once and cleared away when they are old: only that they are added is recorded.
    """

    table: str
    roots: tuple[Root, ...]
    ignored: tuple[str, ...] = ("updated_at",)
    is_log: bool = False


def seller_of(table: Table[object]) -> str:
    """Return SQL for the seller of the row `r`."""
    if table.is_log or table.seen_by is None:
        return "null"
    path, rule = path_to_seller(table)
    if not isinstance(rule, OfSeller):
        return "null"
    if not path:
        return f"r.{rule.column}"
    named = f"r.{path[0].column}"
    for key, above in pairwise(path):
        named = f"(select p.{above.column} from {key.to.name} p where p.id = {named})"
    owned = path[-1].to
    found = f"(select i.{rule.column} from {owned.name} i where i.id = {named})"
    if not owned.remembered_in:
        return found
    # Whoever deletes an invoice together with its parts may delete it first: see remember_deleted_invoice.sql.
    return f"coalesce({found}, (select d.{rule.column} from {owned.remembered_in} d where d.id = {named}))"


def _copies(table: Table[object]) -> Iterator[str]:
    """List the columns that repeat what another row says, whose own change is recorded."""
    if isinstance(table.seen_by, Through) and table.seen_by.copy:
        yield table.seen_by.copy


def _sellers_of(steps: Iterable[tuple[Table[object], str]]) -> tuple[str, ...]:
    """Return SQL for the sellers of rows that name one: each row is given by its table and SQL for its id."""
    return tuple(
        f"r.{table.seen_by.column}"
        if row_id == "r.id"
        else f"(select s.{table.seen_by.column} from {table.name} s where s.id = {row_id})"
        for table, row_id in steps
        if isinstance(table.seen_by, OfSeller)
    )


def _chosen(column: str) -> tuple[Root, ...]:
    """Return the entities that have chosen an option: its new name is a change of theirs. The choice is not recorded.

    OFFSET 0 keeps the two look-ups apart, each by its index: an option may be chosen once, or a million times.
    """
    variants = f"(select distinct c.variant_id from variant_option_values c where c.{column} = r.id offset 0) c"
    adverts = f"(select distinct c.advert_id from advert_option_values c where c.{column} = r.id offset 0) c"
    advert = "(select v.advert_id from variants v where v.id = c.variant_id offset 0) v"
    beside = "(select v.id from variants v where v.advert_id = c.advert_id and v.deleted_at is null offset 0) v"
    return (
        Root(entity_type=VARIANTS.type_name, sql=f"select c.variant_id from {variants}", way=("",)),
        Root(entity_type=VARIANTS.type_name, sql=f"select v.id from {adverts} cross join lateral {beside}", way=("",)),
        Root(entity_type=ADVERTS.type_name, sql=f"select c.advert_id from {adverts}", way=("",)),
        Root(
            entity_type=ADVERTS.type_name,
            sql=f"select distinct v.advert_id from {variants} cross join lateral {advert}",
            way=("",),
        ),
    )


#: How far a change goes up in a tree of rows of one table. A query of 15 levels goes down six lists with `nodes`.
_MAX_NESTED = 6


def _chains(table: Table[object], below: tuple[Part, ...] = ()) -> Iterator[tuple[Part, ...]]:
    """Return every way up from a table's rows, each from the row itself to a row above it."""
    for part in parts_of_wholes(table):
        if below.count(part) < _MAX_NESTED and not (below and part.is_listed):
            yield (*below, part)
            yield from _chains(part.of, (*below, part))


def _above(chain: tuple[Part, ...]) -> Iterator[Root]:
    """Return the entity at the upper end of a chain, if it is one, and those that its change is passed down to."""
    ids = [f"r.{chain[0].column}"]
    for part in chain[1:]:
        ids.append(f"(select p.{part.column} from {part.table.name} p where p.id = {ids[-1]})")
    parents, top, when = tuple(reversed(ids[:-1])), chain[-1].of, chain[0].when
    # From the row itself upwards, without the top.
    steps = list(zip((part.table for part in chain), ("r.id", *ids[:-1]), strict=True))
    way = tuple(part.step for part in reversed(chain))
    if top.is_subscribable:
        is_plain = way == (chain[0].table.name,)
        yield Root(
            entity_type=top.type_name,
            sql=f"select {ids[-1]} where {when}",
            parents=parents,
            way=() if is_plain else way,
            when=when,
            sellers=() if isinstance(top.seen_by, OperatorOnly) else _sellers_of(steps),
            is_list=chain[-1].is_listed,
        )
    cascade = _cascade_from(top)
    # A change of one part is passed on to the parts beside it when it is published:
    # workers/publish/sibling_changes.py.
    if cascade and cascade.below is not chain[-1].table:
        yield Root(
            entity_type=cascade.below.type_name,
            sql=f"{cascade.sql.format(id=ids[-1])} and {when}",
            parents=parents,
            way=(top.name, *way),
            when=when,
            sellers=_sellers_of([*steps, (top, ids[-1])]),
        )


def _cascade_from(table: Table[object]) -> Cascade | None:
    return cascades().get(table.type_name)


def _own(table: Table[object]) -> Iterator[Root]:
    """Return the entity whose own row it is, and those that its change is passed down to."""
    if table.is_subscribable:
        yield Root(entity_type=table.type_name, seller=seller_of(table))
    if cascade := _cascade_from(table):
        sellers = _sellers_of([(table, "r.id")])
        yield Root(entity_type=cascade.below.type_name, sql=cascade.sql.format(id="r.id"), sellers=sellers)


def _leaving(table: Table[object]) -> Iterator[Root]:
    """Return the entities that are seen through the row: they leave its former seller when it goes to another one."""
    for below in subscribable().values():
        path, rule = path_to_seller(below)
        if below.is_log or not path or path[-1].to is not table or not isinstance(rule, OfSeller):
            continue
        sql, named = "", "= r.id"
        for key in reversed(path):
            sql = f"select d.id from {key.table.name} d where d.{key.column} {named}"
            named = f"in ({sql})"
        yield Root(entity_type=below.type_name, sql=sql, left=rule.column)


def _referrers(table: Table[object]) -> Iterator[Root]:
    """Return the entities that name the row: addresses have no owner."""
    keys = [key for key in references_to(table) if key.table.is_subscribable]
    for key in keys:
        name = key.table.name
        sql = f"select {name[0]}.id from {name} {name[0]} where {name[0]}.{key.column} = r.id"
        yield Root(entity_type=key.table.type_name, sql=sql, way=(f"{table.name}.{key.column}",))
    for key in keys:
        if cascade := _cascade_from(key.table):
            whole, below = cascade.whole.name, cascade.below.name
            yield Root(
                entity_type=cascade.below.type_name,
                sql=f"select {below[0]}.id from (select {whole[0]}.id from {whole} {whole[0]} where"
                f" {whole[0]}.{key.column} = r.id offset 0) {whole[0]} cross join lateral (select {below[0]}.id from"
                f" {below} {below[0]} where {below[0]}.{cascade.key.column} = {whole[0]}.id offset 0) {below[0]}",
                way=(whole, f"{table.name}.{key.column}"),
            )


def _roots(table: Table[object]) -> Iterator[Root]:
    yield from _own(table)
    for chain in _chains(table):
        yield from _above(chain)
    yield from _leaving(table)
    if table.seen_by is WITH_REFERRERS:
        yield from _referrers(table)
    for options, column in ((OPTION_TYPES, "option_type_id"), (OPTION_VALUES, "option_value_id")):
        if table is options:
            yield from _chosen(column)


CAPTURED = tuple(
    CapturedTable(table=table.name, roots=roots, is_log=table.is_log, ignored=("updated_at", *_copies(table)))
    for table in tables().values()
    if (roots := tuple(_roots(table)))
)
