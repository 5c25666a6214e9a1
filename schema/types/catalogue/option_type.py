"""OptionType and OptionValue, and what adverts and variants have chosen of them."""

from typing import Annotated

import strawberry

from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.option_types import (
    ADVERT_OPTION_VALUES,
    OPTION_TYPES,
    OPTION_VALUES,
    VARIANT_OPTION_VALUES,
)
from app.marketplace.catalogue.db.variants import VARIANTS
from schema.entities.connections import Connection
from schema.entities.fields import column, entity, global_id, legacy_id, pages, relation
from schema.entities.visibility import Everyone, Through
from schema.enums.marketplace import (
    FieldTypeEnum,
)
from schema.types.catalogue.advert import ADVERT_VISIBILITY
from schema.types.catalogue.variant import VARIANT_VISIBILITY
from schema.types.node import Node

_TYPE = "What the choice is about."
_VALUE = "The value that was chosen; null for a free text."
_TEXT = "The free text; null when a value was chosen."


@entity(OPTION_TYPES, visible=Everyone(), description="What products differ in, such as size or colour.")
class OptionType(Node):
    id: strawberry.ID = global_id("OptionType")
    legacy_id: int = legacy_id()
    name: str = column("Name by which it is referred to; unique.")
    display_name: str = column("Name to show.")
    position: int = column("Its place among all types; the lowest comes first.")
    field_type: FieldTypeEnum = column("How a value of it is given.")
    option_values: Connection[Annotated["OptionValue", strawberry.lazy("schema.types.catalogue.option_type")]] = pages(
        OPTION_VALUES, remote="option_type_id", description="The values that can be chosen; none for a free text."
    )


@entity(OPTION_VALUES, visible=Everyone(), description="A value that can be chosen, such as the size M.")
class OptionValue(Node):
    id: strawberry.ID = global_id("OptionValue")
    legacy_id: int = legacy_id()
    name: str = column("Name by which it is referred to; unique within its type.")
    display_name: str = column("Name to show.")
    position: int = column("Its place among the values of its type; the lowest comes first.")
    option_type: OptionType = relation(OPTION_TYPES, local="option_type_id", description="What it is a value of.")


@entity(
    VARIANT_OPTION_VALUES,
    visible=Through("variant_id", VARIANTS.name, VARIANT_VISIBILITY),
    description="What tells a variant from the others of its advert, such as its size.",
)
class VariantOptionValue(Node):
    id: strawberry.ID = global_id("VariantOptionValue")
    option_type: OptionType = relation(OPTION_TYPES, local="option_type_id", description=_TYPE)
    option_value: OptionValue | None = relation(OPTION_VALUES, local="option_value_id", description=_VALUE)
    text_value: str | None = column(_TEXT)


@entity(
    ADVERT_OPTION_VALUES,
    visible=Through("advert_id", ADVERTS.name, ADVERT_VISIBILITY),
    description="What is true of all variants of an advert, such as its material.",
)
class AdvertOptionValue(Node):
    id: strawberry.ID = global_id("AdvertOptionValue")
    option_type: OptionType = relation(OPTION_TYPES, local="option_type_id", description=_TYPE)
    option_value: OptionValue | None = relation(OPTION_VALUES, local="option_value_id", description=_VALUE)
    text_value: str | None = column(_TEXT)
