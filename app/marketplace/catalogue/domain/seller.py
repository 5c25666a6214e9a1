"""Rules for the attributes of sellers, and for those that a seller may change itself."""

from collections.abc import Mapping
from enum import StrEnum

from app.kernel.problems import Problems


class SellerAccountType(StrEnum):
    PROSPECTIVE = "PROSPECTIVE"
    RETAILER = "RETAILER"


#: The contact details, which a seller may change itself.
OWN = frozenset({"email_address", "phone", "mobile", "address"})

_NEEDED = ("business_name", "email_address")
_NOT_NULL = (*_NEEDED, "online", "is_retailer", "can_pay_out_refunds")


def seller_problems(sent: Mapping[str, object], *, is_new: bool) -> Problems:
    """List the problems of a seller's attributes."""
    problems = Problems()
    for name in _NEEDED:
        text = sent.get(name)
        if is_new and name not in sent:
            problems.add(_path(name), "is required")
        if isinstance(text, str) and not text.strip():
            problems.add(_path(name), "must not be blank")
    for name in _NOT_NULL:
        if name in sent and sent[name] is None:
            problems.add(_path(name), "can't be null")
    email = sent.get("email_address")
    if isinstance(email, str) and email.strip() and "@" not in email.strip()[1:-1]:
        problems.add(_path("email_address"), "must be an e-mail address")
    return problems


def _path(name: str) -> str:
    return f"attributes.{name}"
