"""Make one POST ready: check its URL, and put the headers and the body together."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import httpx

from app.errors import AttemptError
from app.settings import Settings
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.endpoints.endpoint import EgressRules, RefusedEndpoint, check_endpoint
from app.webhooks.services.egress_rules import egress_rules
from schema.stored.envelope import seal
from workers.http.egress import Egress, Route
from workers.http.errors import MAX_MESSAGE_CHARS

#: URLs that stay checked.
_URLS_KEPT = 10_000


class PreparedRequest(NamedTuple):
    """A claimed event, ready to be sent. Every step that can fail before the POST has been done."""

    url: httpx.URL
    headers: list[tuple[str, str]]
    body: bytes
    route: Route


def prepare(due: DueEvent, settings: Settings, *, now: datetime) -> PreparedRequest:
    """Build and sign the request, and check its URL.

    Raises:
        AttemptError: The endpoint may not be reached.
        PayloadGone: The payload has been deleted.
        PreSendError: The secrets can't be decrypted.
    """
    headers, body = seal(due, settings, now=now)
    assert due.url is not None, "what is pulled is not claimed by workers"
    url, egress = _endpoint(due.url, egress_rules(settings, due.seller_id))
    return PreparedRequest(url=url, headers=headers, body=body, route=Route(egress, due.seller_id))


# The URL was checked when it was saved. It is checked again, because the rules or the operator's settings may have
# become stricter since, and because a row may have been written by hand.
@lru_cache(maxsize=_URLS_KEPT)
def _endpoint(url: str, rules: EgressRules) -> tuple[httpx.URL, Egress]:
    try:
        endpoint = check_endpoint(url, rules)
    except RefusedEndpoint as error:
        raise AttemptError(ErrorKind.REFUSED_ADDRESS, str(error)[:MAX_MESSAGE_CHARS]) from error
    return httpx.URL(endpoint.url), Egress(rules.allowed, is_internal=endpoint.is_internal)
