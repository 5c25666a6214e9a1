"""Words of options: what tells the variants of an advert apart."""

from enum import StrEnum


class FieldType(StrEnum):
    SINGLE_SELECT = "SINGLE_SELECT"
    MULTI_SELECT = "MULTI_SELECT"
    FREE_TEXT = "FREE_TEXT"
