"""Rules for the attributes of sellers, and for those that a seller may change itself."""

from collections.abc import Mapping
from enum import StrEnum

from app.kernel.problems import Problems, form_problems


class SellerAccountType(StrEnum):
    PROSPECTIVE = "PROSPECTIVE"
    RETAILER = "RETAILER"


#: The contact details, which a seller may change itself.
OWN = frozenset({"email_address", "phone", "mobile", "address"})

_REQUIRED = ("business_name", "email_address")
_NOT_NULL = ("online", "is_retailer", "can_pay_out_refunds")


def seller_problems(sent: Mapping[str, object], *, is_new: bool) -> Problems:
    """List the problems of a seller's attributes."""
    problems = form_problems(sent, required=_REQUIRED, not_null=_NOT_NULL, is_new=is_new, path="attributes")
    email = sent.get("email_address")
    if isinstance(email, str) and email.strip() and "@" not in email.strip()[1:-1]:
        problems.add("attributes.email_address", "must be an e-mail address")
    return problems
