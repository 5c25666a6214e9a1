"""Enumerations that only filters and orders use."""

from enum import StrEnum

from schema.enums.describe import describe_enum


class SortOrdering(StrEnum):
    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"


SortOrderingEnum = SortOrdering
describe_enum(
    SortOrdering,
    "SortOrderingEnum",
    "The direction of an order.",
    {"ASCENDING": "Smallest or oldest first.", "DESCENDING": "Greatest or newest first."},
)


class InvoiceSortField(StrEnum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    PAID_AT = "PAID_AT"
    REMITTED_AT = "REMITTED_AT"
    STATUS = "STATUS"


InvoiceSortFieldEnum = InvoiceSortField
describe_enum(
    InvoiceSortField,
    "InvoiceSortFieldEnum",
    "The fields by which invoices can be ordered.",
    {
        "CREATED_AT": "When the invoice was created. It never changes, so that an invoice keeps its place.",
        "UPDATED_AT": "When the invoice itself was last changed.",
        "PAID_AT": "When the invoice was paid; unpaid ones come after all others.",
        "REMITTED_AT": "When the seller was paid out; those not remitted come after all others.",
        "STATUS": "The name of the invoice's `status`, from A to Z.",
    },
)


class InvoiceAmendmentSortField(StrEnum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    REMITTED_AT = "REMITTED_AT"


InvoiceAmendmentSortFieldEnum = InvoiceAmendmentSortField
describe_enum(
    InvoiceAmendmentSortField,
    "InvoiceAmendmentSortFieldEnum",
    "The fields by which invoice amendments can be ordered.",
    {
        "CREATED_AT": "When the amendment was created. It never changes, so that an amendment keeps its place.",
        "UPDATED_AT": "When the amendment itself was last changed.",
        "REMITTED_AT": "When it was settled with the seller; those not settled come after all others.",
    },
)


class CommissionPackageSortField(StrEnum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    RATE = "RATE"


CommissionPackageSortFieldEnum = CommissionPackageSortField
describe_enum(
    CommissionPackageSortField,
    "CommissionPackageSortFieldEnum",
    "The fields by which commission packages can be ordered.",
    {
        "CREATED_AT": "When the package was made. It never changes, so that a package keeps its place.",
        "UPDATED_AT": "When the package was last changed.",
        "RATE": "The operator's part of the goods' price.",
    },
)


class AdvertStatus(StrEnum):
    DISPLAYED = "DISPLAYED"
    NOT_DISPLAYED = "NOT_DISPLAYED"


AdvertStatusEnum = AdvertStatus
describe_enum(
    AdvertStatus,
    "AdvertStatusEnum",
    "Whether buyers can see an advert.",
    {"DISPLAYED": "Published, online and vetted.", "NOT_DISPLAYED": "Not all of that."},
)
