"""The addresses at which the documentation explains a code, a state or a field.

A row of a table on a page of /docs has the code in its first cell as its anchor, as in `/docs/errors#cost_limit`.
"""

import re
from collections.abc import Mapping

#: Attributes of a webhook, and the sections that explain them.
_ATTRIBUTES: Mapping[str, str] = {
    "concurrentSendLimit": "contract#pace",
    "delivery": "contract#pull",
    "eventNames": "contract#which-changes-count",
    "everyChange": "contract#newer-states",
    "filter": "contract#filters",
    "headers": "receivers-guide#headers",
    "hmacKey": "receivers-guide#signatures",
    "includePrevious": "contract#previous-payload",
    "leaseSeconds": "contract#pull",
    "maxRetries": "contract#pace",
    "overlapSeconds": "receivers-guide#signatures",
    "queryString": "contract#stored-query",
    "rateLimit": "contract#pace",
    "reconcileEveryHours": "contract#reconcile",
    "signatureSchemes": "receivers-guide#signatures",
    "timeoutSeconds": "contract#pace",
    "triggers": "contract#triggers",
    "type": "contract#which-changes-count",
    "url": "contract#endpoints",
    "waitSeconds": "contract#pull",
}


def anchor_of(text: str) -> str:
    """Return the anchor of a heading or a code, as GitHub makes it: `Who sees what` is `who-sees-what`."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def error_extensions(code: str, **more: object) -> dict[str, object]:
    """Return the `extensions` of an error of the API: its code, the page that explains it, and what else it tells."""
    return {"code": code, "docs": error_page(code), **more}


def error_page(code: str) -> str:
    """Return the address that explains an error of the API (`extensions.code`)."""
    return _address("errors", code)


def attempt_page(error_kind: str) -> str:
    """Return the address that explains why an attempt has no status (`ErrorKind`)."""
    return _address("errors", error_kind)


def event_page(state: str) -> str:
    """Return the address that tells what to do about a webhook event in this state, or about a change's verdict."""
    return _address("my-event-did-not-arrive", state)


def health_page(health: str) -> str:
    """Return the address that explains the health of a webhook."""
    return _address("contract", health)


def operational_event_page(kind: str) -> str:
    """Return the address that explains a kind of operational event."""
    return _address("operational-events", kind)


def refusal_page(field: str, code: str, *, is_about_webhooks: bool) -> str:
    """Return the address that explains why a mutation was refused.

    Args:
        field: The path of the input field, as in `attributes.url`.
        code: The code of the error. It decides for a field without a section of its own.
    """
    section = _ATTRIBUTES.get(field.rpartition(".")[2]) if is_about_webhooks else None
    return error_page(code) if section is None else f"/docs/{section}"


def attribute_pages() -> list[str]:
    """Return the addresses of all sections that explain attributes of webhooks."""
    return sorted({f"/docs/{section}" for section in _ATTRIBUTES.values()})


def _address(page: str, code: str) -> str:
    return f"/docs/{page}#{anchor_of(code)}"
