"""orderCreate and advertUpsert store parts, too: images, option values, external ids, metadata."""

from typing import Any

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_option_type, create_option_value
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.owned import create_external_id, create_image
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate
from tests.support.operation import read_node

IMAGES = "displayImage { url } images { nodes { url alt position } }"
KEPT = "externalIds { key value } metadata { key value }"
FRONT, BACK = "https://i.example/front.jpg", "https://i.example/back.jpg"


def _image(url: str, alt: str | None = None, position: int = 0) -> dict[str, Any]:
    return {"url": url, "alt": alt, "position": position}


async def _upsert(mutate: Mutate, advert_id: int, selection: str, attributes: dict[str, Any]) -> Any:
    given = {"advertId": encode("Advert", advert_id), "attributes": attributes}
    answer = await mutate("advertUpsert", f"advert {{ {selection} }}", given)
    assert answer["data"]["advertUpsert"]["errors"] is None
    return answer["data"]["advertUpsert"]["advert"]


async def test_images_replace_those_that_the_advert_has(conn: Connection, mutate: Mutate) -> None:
    advert_id = (await create_variant(conn)).advert_id
    both = [{"sourceUrl": BACK, "position": 2}, {"sourceUrl": FRONT, "position": 1}]

    first = await _upsert(mutate, advert_id, IMAGES, {"images": both})
    unchanged = await _upsert(mutate, advert_id, IMAGES, {"code": "K"})
    less = await _upsert(mutate, advert_id, IMAGES, {"images": [{"sourceUrl": BACK, "alt": "Back"}]})
    none = await _upsert(mutate, advert_id, IMAGES, {"images": []})

    assert first == {
        "displayImage": {"url": FRONT},
        "images": {"nodes": [_image(BACK, position=2), _image(FRONT, position=1)]},
    }
    assert unchanged == first
    assert less == {"displayImage": {"url": BACK}, "images": {"nodes": [_image(BACK, "Back")]}}
    assert none == {"displayImage": None, "images": {"nodes": []}}
    assert await conn.fetchval("select count(*) from images") == 0


async def test_same_images_are_no_change(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    same = {"images": [{"sourceUrl": FRONT}]}
    variants = [{**same, "id": encode("Variant", variant.id)}]
    await _upsert(mutate, variant.advert_id, "id", {**same, "variants": variants})
    await conn.execute("delete from change_events")

    await _upsert(mutate, variant.advert_id, "id", {**same, "variants": variants})
    again = await conn.fetchval("select count(*) from change_events")
    await _upsert(mutate, variant.advert_id, "id", {"images": []})

    assert again == 0
    changed = await conn.fetch("select distinct entity_type, entity_id from change_events order by 1")
    assert [tuple(row) for row in changed] == [("Advert", variant.advert_id), ("Variant", variant.id)]


async def test_removed_image_stays_with_what_was_sold(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    seller = Viewer(variant.seller_id)
    image = await create_image(conn, "Advert", variant.advert_id, url=FRONT)
    invoice = await create_invoice(conn, seller_id=variant.seller_id)
    lines = [await create_line_item(conn, invoice_id=invoice.id, image_id=image.id) for _ in range(2)]

    advert = await _upsert(mutate, variant.advert_id, IMAGES, {"images": []})

    assert advert == {"displayImage": None, "images": {"nodes": []}}
    for line in lines:
        found = await read_node(conn, encode("LineItem", line.id), "LineItem { image { url } }", viewer=seller)
        assert found.data == {"image": {"url": FRONT}}
    others = Viewer((await create_seller(conn)).id)
    hidden = await read_node(conn, encode("Image", image.id), "Image { url }", viewer=others)
    assert (hidden.data, hidden.errors) == (None, [])


async def test_variant_has_images_of_its_own(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    selection = "variant { updatedAt images { nodes { url alt } } }"
    given = {"variantId": encode("Variant", variant.id), "attributes": {"images": [{"sourceUrl": FRONT, "alt": "Red"}]}}

    made = await mutate("variantUpdate", selection, given)
    gone = await mutate("variantUpdate", selection, {**given, "attributes": {"images": None}})
    touched_at = await conn.fetchval("select updated_at from variants")
    wrong = await mutate(
        "variantUpdate", selection, {**given, "attributes": {"images": [{"sourceUrl": FRONT}, {"sourceUrl": FRONT}]}}
    )

    assert made["data"]["variantUpdate"]["variant"]["images"]["nodes"] == [{"url": FRONT, "alt": "Red"}]
    assert gone["data"]["variantUpdate"]["variant"]["images"]["nodes"] == []
    assert touched_at > variant.updated_at
    assert wrong["data"]["variantUpdate"]["errors"] == [
        {"field": "attributes.images.1.sourceUrl", "messages": ["is given twice"]}
    ]


async def test_advert_gets_and_loses_option_values(conn: Connection, mutate: Mutate) -> None:
    advert_id = (await create_variant(conn)).advert_id
    size = await create_option_type(conn, display_name="Size")
    medium = await create_option_value(conn, option_type_id=size.id, name="m")
    choice = {"optionTypeId": encode("OptionType", size.id), "optionValueId": encode("OptionValue", medium.id)}
    shown = "advertOptionValues { nodes { optionType { displayName } optionValue { name } } }"

    made = await _upsert(mutate, advert_id, shown, {"advertOptionValues": [choice]})
    unchanged = await _upsert(mutate, advert_id, shown, {"code": "K"})
    none = await _upsert(mutate, advert_id, shown, {"advertOptionValues": []})
    wrong = await mutate(
        "advertUpsert",
        "",
        {"advertId": encode("Advert", advert_id), "attributes": {"advertOptionValues": [choice, choice]}},
    )

    nodes = [{"optionType": {"displayName": "Size"}, "optionValue": {"name": "m"}}]
    assert made["advertOptionValues"]["nodes"] == unchanged["advertOptionValues"]["nodes"] == nodes
    assert none["advertOptionValues"]["nodes"] == []
    assert wrong["data"]["advertUpsert"]["errors"] == [
        {"field": "attributes.advertOptionValues.1.optionTypeId", "messages": ["is given twice"]}
    ]


async def test_order_and_advert_are_made_with_what_others_keep(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    await create_external_id(conn, "Advert", variant.advert_id, key="pim", value="P-1")
    kept = {
        "externalIds": [{"key": "erp", "value": "E-1"}, {"key": "pim", "value": "P-2"}],
        "metadata": [{"key": "note", "value": ""}],
    }
    line = {"variantId": encode("Variant", variant.id), "quantity": 1}

    order = await mutate("orderCreate", f"order {{ {KEPT} }}", {"order": kept, "lineItems": [line]})
    advert = await _upsert(mutate, variant.advert_id, KEPT, kept)

    assert order["data"]["orderCreate"]["order"] == kept
    assert advert == {**kept, "externalIds": kept["externalIds"][::-1]}


@pytest.mark.parametrize("name", ["orderCreate", "advertUpsert"])
async def test_names_what_is_wrong_with_kept_values(conn: Connection, mutate: Mutate, name: str) -> None:
    variant = await create_variant(conn)
    kept = {
        "externalIds": [{"key": "erp", "value": " "}, {"key": "erp", "value": "E-1"}],
        "metadata": [{"key": " ", "value": "x"}],
    }
    given: dict[str, Any] = {"advertId": encode("Advert", variant.advert_id), "attributes": kept}
    path = "attributes"
    if name == "orderCreate":
        given = {"order": kept, "lineItems": [{"variantId": encode("Variant", variant.id), "quantity": 1}]}
        path = "order"

    answer = await mutate(name, "", given)

    assert answer["data"][name]["errors"] == [
        {"field": f"{path}.externalIds.1.key", "messages": ["is given twice"]},
        {"field": f"{path}.externalIds.0.value", "messages": ["must not be blank"]},
        {"field": f"{path}.metadata.0.key", "messages": ["must not be blank"]},
    ]
    assert await conn.fetchval("select count(*) from external_ids") == 0
    assert await conn.fetchval("select count(*) from orders") == 0
