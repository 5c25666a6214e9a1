"""OptionType and OptionValue, and what adverts and variants have chosen of them."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.marketplace.catalogue.db.option_types import (
    ADVERT_OPTION_VALUES,
    OPTION_TYPES,
    OPTION_VALUES,
    VARIANT_OPTION_VALUES,
)
from schema.entities.connections import Connection
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.entities.relations import pages, relation
from schema.enums.marketplace import (
    FieldTypeEnum,
)
from schema.types.node import Node
from schema.types.owned.fields import ExternalIDs, external_ids

_TYPE = "What the choice is about."
_VALUE = "The value that was chosen; null for a free text."
_TEXT = "The free text; null when a value was chosen."


@entity(OPTION_TYPES, description="What products differ in, such as size or colour.")
class OptionType(Node):
    id: strawberry.ID = global_id("OptionType")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the type was created.")
    updated_at: datetime = column("When the type or one of its values was last changed.")
    name: str = column("Name by which it is referred to; unique.")
    display_name: str = column("Name to show.")
    position: int = column("Its place among all types; the lowest comes first.")
    field_type: FieldTypeEnum = column("How a value of it is given.")
    option_values: Connection[Annotated["OptionValue", strawberry.lazy("schema.types.catalogue.option_type")]] = pages(
        OPTION_VALUES.option_type_id, description="The values that can be chosen; none for a free text."
    )
    external_ids: ExternalIDs = external_ids(OPTION_TYPES)


@entity(OPTION_VALUES, description="A value that can be chosen, such as the size M.")
class OptionValue(Node):
    id: strawberry.ID = global_id("OptionValue")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the value was created.")
    updated_at: datetime = column("When the value was last changed.")
    name: str = column("Name by which it is referred to; unique within its type.")
    display_name: str = column("Name to show.")
    position: int = column("Its place among the values of its type; the lowest comes first.")
    option_type: OptionType = relation(OPTION_VALUES.option_type_id, description="What it is a value of.")
    external_ids: ExternalIDs = external_ids(OPTION_VALUES)


@entity(
    VARIANT_OPTION_VALUES,
    description="What tells a variant from the others of its advert, such as its size.",
)
class VariantOptionValue(Node):
    id: strawberry.ID = global_id("VariantOptionValue")
    option_type: OptionType = relation(VARIANT_OPTION_VALUES.option_type_id, description=_TYPE)
    option_value: OptionValue | None = relation(VARIANT_OPTION_VALUES.option_value_id, description=_VALUE)
    text_value: str | None = column(_TEXT)


@entity(
    ADVERT_OPTION_VALUES,
    description="What is true of all variants of an advert, such as its material.",
)
class AdvertOptionValue(Node):
    id: strawberry.ID = global_id("AdvertOptionValue")
    option_type: OptionType = relation(ADVERT_OPTION_VALUES.option_type_id, description=_TYPE)
    option_value: OptionValue | None = relation(ADVERT_OPTION_VALUES.option_value_id, description=_VALUE)
    text_value: str | None = column(_TEXT)
