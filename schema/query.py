"""The root of all queries. The arguments of lists are in schema/filters."""

from typing import Any

import strawberry

from app.auth.db.api_keys import API_KEYS
from app.auth.db.audit_entries import AUDIT_ENTRIES
from app.auth.viewers import Scope
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.brands import BRANDS
from app.marketplace.catalogue.db.commission_packages import COMMISSION_PACKAGES
from app.marketplace.catalogue.db.option_types import OPTION_TYPES
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.db.tax_codes import TAX_CODES
from app.marketplace.catalogue.db.taxons import TAXONS
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.orders.db.addresses import COUNTRIES
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATION_TYPES
from app.marketplace.orders.db.invoices import INVOICES
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.db.shipments import SHIPMENT_CARRIERS
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.refunds.db.refund_requests import REFUND_REQUESTS
from app.marketplace.remittances.db.remittances import REMITTANCE_ADVICES, REMITTANCES
from app.webhooks.db.operational_events import OPERATIONAL_EVENTS
from app.webhooks.db.webhook_events import DELIVERY_ATTEMPTS, WEBHOOK_EVENTS
from app.webhooks.db.webhooks import WEBHOOKS
from schema.engine.context import Info
from schema.entities.connections import Connection, ListConnection, UpdatedConnection
from schema.entities.listings import listing
from schema.entities.lookups import lookup, lookups
from schema.filters import adverts as advert_filters
from schema.filters import api_keys as api_key_filters
from schema.filters import audit_entries as audit_entry_filters
from schema.filters import external_ids as external_id_filters
from schema.filters import invoice_amendments as invoice_amendment_filters
from schema.filters import invoices as invoice_filters
from schema.filters import orders as order_filters
from schema.filters import refund_requests as refund_request_filters
from schema.filters import remittances as remittance_filters
from schema.filters import taxons as taxon_filters
from schema.filters import variants as variant_filters
from schema.filters.webhooks import delivery_attempts as delivery_attempt_filters
from schema.filters.webhooks import operational_events as operational_event_filters
from schema.filters.webhooks import webhook_events as webhook_event_filters
from schema.filters.webhooks import webhooks as webhook_filters
from schema.types.api_key import ApiKey
from schema.types.api_key_principal import APIKeyPrincipal
from schema.types.audit_entry import AuditEntry
from schema.types.catalogue.advert import Advert, AllAdvert, classify_advert
from schema.types.catalogue.brand import Brand
from schema.types.catalogue.commission_package import CommissionPackage
from schema.types.catalogue.option_type import OptionType
from schema.types.catalogue.seller import Seller
from schema.types.catalogue.tax_code import TaxCode
from schema.types.catalogue.taxon import Taxon
from schema.types.catalogue.variant import Variant
from schema.types.node import Node
from schema.types.orders.address import Country
from schema.types.orders.invoice import Invoice
from schema.types.orders.invoice_amendment import InvoiceAmendment
from schema.types.orders.invoice_annotation import InvoiceAnnotationType
from schema.types.orders.order import Order
from schema.types.orders.shipment_carrier import ShipmentCarrier
from schema.types.owned.external_id import ExternalID
from schema.types.refunds.refund_request import RefundRequest
from schema.types.remittances.remittance import Remittance, RemittanceAdvice
from schema.types.webhooks.operational_event import OperationalEvent
from schema.types.webhooks.webhook import Webhook
from schema.types.webhooks.webhook_event import DeliveryAttempt, WebhookEvent
from schema.webhook_queries.delivery_statistics import DeliveryStatistics, delivery_statistics
from schema.webhook_queries.digests import WebhookDigestPage, webhook_digests
from schema.webhook_queries.dry_run import WebhookDryRun, webhook_dry_run
from schema.webhook_queries.explain import WebhookExplanation, webhook_explain
from schema.webhook_queries.recipe_list import webhook_recipes
from schema.webhook_queries.recipes.recipe import WebhookRecipe


@strawberry.type(description="All queries. Lists and filters only use objects that the key sees.")
class Query:
    invoices: ListConnection[Invoice] = listing(
        INVOICES,
        ask=invoice_filters.ask,
        arguments=invoice_filters.ARGUMENTS,
        description="Invoices, oldest first unless sorted.",
    )
    refund_requests: Connection[RefundRequest] = listing(
        REFUND_REQUESTS,
        ask=refund_request_filters.ask,
        arguments=refund_request_filters.ARGUMENTS,
        description="Refund requests, in the order of their creation.",
    )
    updated_refund_requests: UpdatedConnection[RefundRequest] = listing(
        REFUND_REQUESTS,
        ask=refund_request_filters.ask_updated,
        arguments=refund_request_filters.UPDATED_ARGUMENTS,
        description="Refund requests changed since a time, the longest unchanged first. One that changes meanwhile"
        " moves to the end, so that going through the pages misses none.",
    )
    variants_where: Connection[Variant] = listing(
        VARIANTS,
        ask=variant_filters.ask,
        arguments=variant_filters.ARGUMENTS,
        description="Variants that are not deleted, in the order of their creation.",
    )
    adverts_where: ListConnection[Advert] = listing(
        ADVERTS,
        ask=advert_filters.ask,
        arguments=advert_filters.ARGUMENTS,
        description="Adverts that are not deleted, published or not, in the order of their creation.",
    )
    all_adverts: ListConnection[AllAdvert] = listing(
        ADVERTS,
        ask=advert_filters.ask_all,
        classify=classify_advert,
        arguments=advert_filters.ALL_ARGUMENTS,
        description="Published, unpublished and deleted adverts, the longest unchanged first. One that changes"
        " meanwhile moves to the end, so that going through the pages misses none.",
    )
    # Nullable, so that the error for a seller's key does not remove the rest of the answer.
    updated_orders: UpdatedConnection[Order] | None = listing(
        ORDERS,
        ask=order_filters.ask_updated,
        arguments=order_filters.UPDATED_ARGUMENTS,
        description="Orders changed since a time, the longest unchanged first; for the operator only. One that"
        " changes meanwhile moves to the end, so that going through the pages misses none.",
    )
    invoice_amendments: ListConnection[InvoiceAmendment] = listing(
        INVOICE_AMENDMENTS,
        ask=invoice_amendment_filters.ask,
        arguments=invoice_amendment_filters.ARGUMENTS,
        description="Invoice amendments, oldest first unless sorted.",
    )
    # The vendor's name of the list.
    invoice_annotation_type: Connection[InvoiceAnnotationType] = listing(
        INVOICE_ANNOTATION_TYPES, description="The types of invoice annotations, discarded ones too, oldest first."
    )
    sellers: Connection[Seller] = listing(SELLERS, description="Sellers: all for the operator, itself for a seller.")
    shipment_carriers: Connection[ShipmentCarrier] = listing(
        SHIPMENT_CARRIERS, description="The carriers that shipments can be sent with."
    )
    remittances: Connection[Remittance] = listing(
        REMITTANCES,
        ask=remittance_filters.ask,
        arguments=remittance_filters.REMITTANCES_ARGUMENTS,
        description="What sellers get of paid invoices, in the order in which these were paid or amended.",
    )
    remittance_advices: Connection[RemittanceAdvice] = listing(
        REMITTANCE_ADVICES,
        ask=remittance_filters.ask_advices,
        arguments=remittance_filters.ADVICES_ARGUMENTS,
        description="The payments to sellers, in the order of the releases.",
    )
    # Nullable, as updatedOrders is.
    commission_packages: Connection[CommissionPackage] | None = listing(
        COMMISSION_PACKAGES,
        ask=remittance_filters.ask_packages,
        arguments=remittance_filters.PACKAGES_ARGUMENTS,
        description="Packages of commissions, in the order of their creation; for the operator only.",
    )
    brands: ListConnection[Brand] = listing(BRANDS, description="All brands, in the order of their creation.")
    taxons: ListConnection[Taxon] = listing(
        TAXONS,
        ask=taxon_filters.ask,
        arguments=taxon_filters.ARGUMENTS,
        description="The categories of adverts, in the order of their creation.",
    )
    option_types: ListConnection[OptionType] = listing(
        OPTION_TYPES, description="What products differ in, in the order of their creation."
    )
    countries: ListConnection[Country] = listing(
        COUNTRIES, description="The countries that addresses have been in, or that were added."
    )
    tax_codes: list[TaxCode] = listing(
        TAX_CODES, is_whole=True, description="All tax codes, at most 500, in the order of their creation."
    )
    webhooks: Connection[Webhook] = listing(
        WEBHOOKS,
        scope=Scope.WEBHOOKS,
        ask=webhook_filters.ask,
        arguments=webhook_filters.ARGUMENTS,
        description="Webhooks, in the order of their registration. `totalCount` counts those that meet the filters.",
    )
    audit_entries: Connection[AuditEntry] = listing(
        AUDIT_ENTRIES,
        scope=Scope.AUDIT,
        ask=audit_entry_filters.ask,
        arguments=audit_entry_filters.ARGUMENTS,
        description="Who has changed what, newest first. The operator sees all. A seller sees what its own API keys"
        " have changed, and what Tellgraph has changed in its webhooks.",
    )
    webhook_events: Connection[WebhookEvent] = listing(
        WEBHOOK_EVENTS,
        scope=Scope.WEBHOOKS,
        ask=webhook_event_filters.ask,
        arguments=webhook_event_filters.ARGUMENTS,
        description="The events of webhooks, newest first, with all attempts.",
    )
    delivery_attempts: Connection[DeliveryAttempt] = listing(
        DELIVERY_ATTEMPTS,
        scope=Scope.WEBHOOKS,
        ask=delivery_attempt_filters.ask,
        arguments=delivery_attempt_filters.ARGUMENTS,
        description="The POSTs of all webhook events, newest first.",
    )
    operational_events: Connection[OperationalEvent] = listing(
        OPERATIONAL_EVENTS,
        scope=Scope.WEBHOOKS,
        ask=operational_event_filters.ask,
        arguments=operational_event_filters.ARGUMENTS,
        description="Events of webhooks themselves (disabled, failing, …), newest first.",
    )

    # Nullable, as updatedOrders is.
    api_keys: Connection[ApiKey] | None = listing(
        API_KEYS,
        scope=Scope.KEYS,
        ask=api_key_filters.ask,
        arguments=api_key_filters.ARGUMENTS,
        description="API keys, in the order of their creation; for the operator only.",
    )

    webhook_dry_run: WebhookDryRun | None = strawberry.field(
        resolver=webhook_dry_run,
        description="Try a webhook's query, filter and triggers on one entity, as the key's owner. Nothing is sent or"
        " stored. Needs the scopes webhooks and read.",
    )
    webhook_explain: WebhookExplanation | None = strawberry.field(
        resolver=webhook_explain,
        description="The outcome of an entity's last changes for a webhook, with reasons; null if there is no such"
        " webhook, or none for this key. Needs the scope webhooks.",
    )
    delivery_statistics: DeliveryStatistics | None = strawberry.field(
        resolver=delivery_statistics,
        description="How deliveries have gone in the last hour, and what is still to be sent: of a seller's webhooks,"
        " or for the operator of all. null if there is no such seller, or none for this key. Needs the scope webhooks.",
    )
    webhook_recipes: list[WebhookRecipe] = strawberry.field(
        resolver=webhook_recipes,
        description="Webhooks for the usual wishes, to register as they are or to begin from; for a seller's key, those"
        " that a seller can register. Needs no scope.",
    )
    webhook_digests: WebhookDigestPage | None = strawberry.field(
        resolver=webhook_digests,
        description="What a webhook's receiver should have, so that it can compare its own copy: the entities that it"
        " was given and that were not destroyed since, by id. null if there is no such webhook, or none for this key."
        " Needs the scope webhooks.",
    )

    order: Order | None = lookup(
        "order_id",
        "The order's global id.",
        type_name="Order",
        description="An order; null when there is none. For the operator only.",
    )

    @strawberry.field(description="The owner of the request's API key. Needs no scope.")
    def api_key_principal(self, info: Info) -> APIKeyPrincipal:
        principal: Any = info.context.viewer
        return principal  # type: ignore[no-any-return]  # its fields' source is the viewer

    node: Node | None = lookup(
        "id",
        "The object's global id.",
        description="The object of a global id; null if there is none, or none for this key.",
    )
    nodes: list[Node | None] = lookups(
        "ids",
        "At most 100 global ids.",
        description="The objects of several global ids, in their order; null for each that is not found.",
    )
    external_ids: list[ExternalID] = listing(
        EXTERNAL_IDS,
        ask=external_id_filters.ask,
        arguments=external_id_filters.ARGUMENTS,
        is_whole=True,
        description=(
            "The ids of objects in other systems, for the objects that the key sees; `owner` is the object."
            " It is a plain list: more than 500 are an error, so give a key or values."
        ),
    )
