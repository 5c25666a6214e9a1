"""The rules for the endpoints of one owner's webhooks, from the operator's settings."""

from app.marketplace.catalogue.db.sellers import SellerId
from app.settings import Settings
from app.webhooks.domain.endpoints.endpoint import EgressRules


def egress_rules(settings: Settings, owner: SellerId | None) -> EgressRules:
    """Return the rules for a seller's webhooks, or for the operator's if `owner` is None."""
    if owner is None:
        return EgressRules(allowed=settings.egress_allow, allow_http=settings.allow_http)
    return EgressRules(
        allowed=settings.egress_allow_sellers,
        allow_http=settings.allow_http,
        ports=settings.egress_ports_sellers,
        setting="TELLGRAPH_EGRESS_ALLOW_SELLERS",
    )
