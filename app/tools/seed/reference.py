"""Find reference data by name, or add it: seedings share it with existing rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.db.pool import Connection
from app.marketplace.catalogue.db.brands import add_brand, find_brand
from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.orders.db.addresses import CountryId, find_or_add_state
from app.marketplace.orders.db.shipments import SHIPMENT_CARRIERS, ShipmentCarrier
from app.tools.seed import words
from app.tools.seed.names import CARRIERS, COMMISSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option type. `values` holds ids by name, in order; it is empty for a free text."""

    id: int
    values: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Ids of reference rows.

    States are by short name, taxons by their names from the root down, brands and types of annotations by name, and
    commission packages by rate.
    """

    country_id: int
    states: dict[str, int]
    carriers: Sequence[ShipmentCarrier]
    brands: dict[str, int]
    taxons: dict[tuple[str, ...], int]
    options: dict[str, Option]
    packages: dict[float, int]
    annotation_types: dict[str, int]


async def find_or_add_reference(conn: Connection) -> Reference:
    country_id = await _country(conn)
    await _add_tax_codes(conn)
    states = {short: await _state(conn, country_id, name, short) for name, short in words.STATES}
    taxons: dict[tuple[str, ...], int] = {}
    for category in words.CATEGORIES:
        await _taxon(conn, category.taxons, taxons)
    return Reference(
        country_id=country_id,
        states=states,
        carriers=await _carriers(conn),
        brands={name: await _brand(conn, name) for name in words.BRANDS},
        taxons=taxons,
        options={option.name: await _option(conn, place, option) for place, option in enumerate(words.OPTIONS)},
        packages={rate: await _package(conn, rate) for rate in COMMISSIONS},
        annotation_types={
            name: await _annotation_type(conn, name, description) for name, description, _ in words.ANNOTATIONS
        },
    )


async def _package(conn: Connection, rate: float) -> int:
    """Return the commission package of a rate. The cheapest becomes the default one, if there is none."""
    name = f"{rate:.0%}"
    await conn.execute(
        "insert into commission_packages (name, rate, applies_to_postage, is_default)"
        " select $1, $2, false, $3 and not exists (select from commission_packages where is_default)"
        " on conflict do nothing",
        name,
        rate,
        rate == min(COMMISSIONS),
    )
    return int(await conn.fetchval("select id from commission_packages where name = $1", name))


async def _annotation_type(conn: Connection, name: str, description: str) -> int:
    """Return the type of annotations of a name. Fax is discarded, and sellers don't see what is internal."""
    await conn.execute(
        "insert into invoice_annotation_types (name, description, viewable_by_seller, creatable_by_seller,"
        " viewable_by_customer, discarded_at) select $1, $2, $1 <> 'Internal', $1 <> 'Internal', $1 = 'Parcel',"
        " case when $1 = 'Fax' then now() end where not exists (select from invoice_annotation_types where name = $1)",
        name,
        description,
    )
    return int(await conn.fetchval("select min(id) from invoice_annotation_types where name = $1", name))


async def _add_tax_codes(conn: Connection) -> None:
    await conn.execute(
        "insert into tax_codes (code, name) values ('GST-STANDARD', 'Goods and services tax'), ('GST-BOOK', 'Books')"
        " on conflict do nothing"
    )


async def _carriers(conn: Connection) -> list[ShipmentCarrier]:
    """Return all our carriers. Names are unique, and some may exist already."""
    names = [name for name, _ in CARRIERS]
    await conn.execute(
        "insert into shipment_carriers (name, tracking_link_template, homepage_url)"
        " select name, link, substring(link from '^https://[^/]+/') from unnest($1::text[], $2::text[]) c(name, link)"
        " on conflict do nothing",
        names,
        [template for _, template in CARRIERS],
    )
    records = await conn.fetch(
        f"select {SHIPMENT_CARRIERS.select_list('c')} from shipment_carriers c"
        " where c.name = any($1::text[]) order by array_position($1::text[], c.name)",
        names,
    )
    return SHIPMENT_CARRIERS.rows(records)


async def _country(conn: Connection) -> CountryId:
    await conn.execute("insert into countries (name, iso) values ('Australia', 'AU') on conflict do nothing")
    return CountryId(await conn.fetchval("select id from countries where iso = 'AU'"))


async def _state(conn: Connection, country_id: CountryId, name: str, short: str) -> int:
    state_id = await find_or_add_state(conn, country_id, short)
    await conn.execute("update states set name = $2 where id = $1 and name = short", state_id, name)
    return state_id


async def _brand(conn: Connection, name: str) -> int:
    brand = await find_brand(conn, name) or await add_brand(conn, name)
    await conn.execute(
        "insert into images (owner_type, owner_id, kind, url, alt, filename)"
        " values ('Brand', $1, 'LOGO', $2, $3, 'logo.png') on conflict do nothing",
        brand.id,
        f"https://images.example/brands/{brand.slug}.png",
        name,
    )
    await _keep_ids(conn, "Brand", {brand.id: brand.slug})
    return brand.id


async def _taxon(conn: Connection, path: tuple[str, ...], known: dict[tuple[str, ...], int]) -> int:
    if path in known:
        return known[path]
    parent_id = await _taxon(conn, path[:-1], known) if path[:-1] else None
    found = await conn.fetchval("select min(id) from taxons where tree_name = $1", " > ".join(path))
    if found is None:
        found = await conn.fetchval(
            "insert into taxons (parent_id, display_name, title, url_slug) values ($1, $2, $2, $3) returning id",
            parent_id,
            path[-1],
            slug(path[-1]),
        )
    await _keep_ids(conn, "Taxon", {found: "-".join(slug(name) for name in path)})
    known[path] = found
    return known[path]


async def _option(conn: Connection, place: int, option: words.OptionWords) -> Option:
    await conn.execute(
        "insert into option_types (name, display_name, position, field_type) values ($1, $2, $3, $4)"
        " on conflict do nothing",
        option.name,
        option.display_name,
        place,
        option.field_type,
    )
    type_id = await conn.fetchval("select id from option_types where name = $1", option.name)
    await conn.execute(
        "insert into option_values (option_type_id, name, display_name, position)"
        " select $1, slug, display, number from unnest($2::text[], $3::text[]) with ordinality v(slug, display, number)"
        " on conflict do nothing",
        type_id,
        [slug(value) for value in option.values],
        [*option.values],
    )
    records = await conn.fetch("select name, id from option_values where option_type_id = $1", type_id)
    ids = {row["name"]: row["id"] for row in records}
    await _keep_ids(conn, "OptionType", {type_id: option.name})
    await _keep_ids(conn, "OptionValue", {key: f"{option.name}-{name}" for name, key in ids.items()})
    return Option(id=type_id, values={value: ids[slug(value)] for value in option.values})


async def _keep_ids(conn: Connection, owner_type: str, names: Mapping[int, str]) -> None:
    """Add the id of the product system to rows that don't have one. `names`: what it is made of, by the row's id."""
    await conn.execute(
        "insert into external_ids (owner_type, owner_id, key, value)"
        " select $1, id, 'pim', 'PIM-' || upper(name) from unnest($2::bigint[], $3::text[]) n(id, name)"
        " on conflict do nothing",
        owner_type,
        [*names],
        [*names.values()],
    )
