from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_option_type, create_option_value
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

SHOWN = "variant { variantOptionValues { nodes { optionType { displayName } optionValue { name } textValue } } }"


async def test_a_variant_gets_and_loses_option_values(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    size = await create_option_type(conn, display_name="Size")
    medium = await create_option_value(conn, option_type_id=size.id, name="m")
    print_ = await create_option_type(conn, display_name="Print", field_type="FREE_TEXT")
    values = [
        {"optionTypeId": encode("OptionType", size.id), "optionValueId": encode("OptionValue", medium.id)},
        {"optionTypeId": encode("OptionType", print_.id), "textValue": "Ada"},
    ]
    given = {"variantId": encode("Variant", variant.id), "attributes": {"variantOptionValues": values}}

    first = await mutate("variantUpdate", SHOWN, given)
    await conn.execute("delete from change_events")
    await mutate("variantUpdate", SHOWN, given)
    recorded = await conn.fetchval("select count(*) from change_events")
    last = await mutate("variantUpdate", SHOWN, {**given, "attributes": {"variantOptionValues": []}})

    assert first["data"]["variantUpdate"]["variant"]["variantOptionValues"]["nodes"] == [
        {"optionType": {"displayName": "Size"}, "optionValue": {"name": "m"}, "textValue": None},
        {"optionType": {"displayName": "Print"}, "optionValue": None, "textValue": "Ada"},
    ]
    assert recorded == 0
    assert last["data"]["variantUpdate"]["variant"]["variantOptionValues"]["nodes"] == []


async def test_names_what_is_wrong_with_option_values(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    size, text = await create_option_type(conn), await create_option_type(conn, field_type="FREE_TEXT")
    foreign, own = await create_option_value(conn), await create_option_value(conn, option_type_id=size.id)
    size_id, text_id = encode("OptionType", size.id), encode("OptionType", text.id)
    values = [
        {"optionTypeId": size_id, "optionValueId": encode("OptionValue", foreign.id)},
        {"optionTypeId": size_id, "optionValueId": encode("OptionValue", own.id)},
        {"optionTypeId": text_id, "textValue": " "},
        {"optionTypeId": encode("OptionType", 10**9), "textValue": "x"},
    ]
    given = {"advertId": encode("Advert", variant.advert_id)}
    variants = [{"label": "Blue", "variantOptionValues": values}]

    answer = await mutate("advertUpsert", "", {**given, "attributes": {"variants": variants}})

    path = "attributes.variants.0.variantOptionValues"
    assert answer["data"]["advertUpsert"]["errors"] == [
        {"field": f"{path}.0.optionValueId", "messages": ["must be one of the option type's values"]},
        {"field": f"{path}.1.optionTypeId", "messages": ["is given twice"]},
        {
            "field": f"{path}.2.textValue",
            "messages": ["is required, and nothing else, for an option of free text"],
        },
        {"field": f"{path}.3.optionTypeId", "messages": ["there is no such option type"]},
    ]
    assert await conn.fetchval("select count(*) from variants") == 1
