"""Recipes about orders, invoices, shipments and refund requests."""

from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema.webhook_queries.recipes.recipe import WebhookRecipe

_CREATE_OR_UPDATE = [WebhookEventName.CREATE, WebhookEventName.UPDATE]

_INVOICE_FOR_AN_ERP = """\
query($id: ID!) {
  node(id: $id) {
    ... on Invoice {
      id
      legacyId
      statusFlags
      totalCents
      taxTotalCents
      shippingCostCents%s
      shippingAddress { address city postcode country { name } }
      lineItems { id variantSku advertTitle quantity quantityAwaitingDispatch totalCents }
      shipments { id carrier trackingNumber trackingLink dispatchedAt shippedItems { quantity lineItem { id } } }
      amendments { id totalCents lineItems { quantity totalCents lineItem { id } } }
      refundRequests { id status totalCents lineItems { quantity status lineItem { id } } }
      externalIds { key value }
    }
  }
}
"""
_OF_AN_ORDER = """
      order { legacyId status firstName surname emailAddress }
      seller { legacyId businessName }"""

ORDERS = (
    WebhookRecipe(
        name="invoices-for-an-erp",
        title="Invoices for an ERP",
        description="Each change of an invoice, of its order, line items, shipments, amendments or refund requests."
        " The payload has all of them.",
        type=WebhookKlass.INVOICE,
        query_string=_INVOICE_FOR_AN_ERP % _OF_AN_ORDER,
        is_operators_only=True,
    ),
    WebhookRecipe(
        name="own-invoices-for-an-erp",
        title="A seller's invoices for its ERP",
        description="Each change of an invoice, its line items, shipments, amendments or refund requests. It leaves"
        " out the order, which sellers can't read.",
        type=WebhookKlass.INVOICE,
        query_string=_INVOICE_FOR_AN_ERP % "",
    ),
    WebhookRecipe(
        name="invoices-to-dispatch",
        title="Invoices to dispatch",
        description="Paid invoices with items that are still to be sent, for a warehouse.",
        type=WebhookKlass.INVOICE,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on Invoice {
      legacyId
      statusFlags
      buyerFirstName
      buyerSurname
      shippingAddress { address city postcode country { name } }
      lineItems { id variantSku variantBarcode quantityAwaitingDispatch }
    }
  }
}
""",
        event_names=_CREATE_OR_UPDATE,
        triggers=["statusFlags", "lineItems.quantityAwaitingDispatch"],
        filter="""\
data.node != null && 'PAID' in data.node.statusFlags
  && data.node.lineItems.exists(item, item.quantityAwaitingDispatch > 0)""",
    ),
    WebhookRecipe(
        name="invoice-ids",
        title="Only the ids of changed invoices",
        description="For a receiver that reads the rest by the API. The payload is the same each time, so that"
        " `allowSkip` is off.",
        type=WebhookKlass.INVOICE,
        query_string="query($id: ID!) { node(id: $id) { ... on Invoice { id } } }\n",
        triggers=["statusFlags", "shipments", "refundRequests"],
        allow_skip=False,
    ),
    WebhookRecipe(
        name="shipping-notices",
        title="Shipping notices",
        description="For a message to the buyer when something was sent, and when the carrier reports where it is.",
        type=WebhookKlass.SHIPMENT,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on Shipment {
      carrier
      trackingNumber
      trackingLink
      statusLog(last: 1) { nodes { status createdAt } }
      shippedItems { quantity lineItem { advertTitle } }
      invoice { legacyId buyerFirstName buyerEmailAddress }
    }
  }
}
""",
        event_names=_CREATE_OR_UPDATE,
        triggers=["trackingNumber", "trackingLink", "statusLog"],
    ),
    WebhookRecipe(
        name="refund-desk",
        title="Refund desk",
        description="New refund requests and each step of them, for a service desk. Requests that the operator has"
        " begun are left out.",
        type=WebhookKlass.REFUND_REQUEST,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on RefundRequest {
      id
      status
      initiatedBy
      totalCents
      invoice { legacyId buyerFirstName buyerSurname }
      lineItems { quantity status reason lineItem { variantSku } }
      notes { note author }
    }
  }
}
""",
        event_names=_CREATE_OR_UPDATE,
        triggers=["status", "lineItems.status", "notes"],
        filter="data.node.initiatedBy != 'ADMIN'",
    ),
    WebhookRecipe(
        name="returns-on-their-way",
        title="Returns on their way",
        description="Each return shipment, and where its carrier says that it is, for a warehouse.",
        type=WebhookKlass.RETURN_SHIPMENT,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on ReturnShipment {
      trackingNumber
      carrier { name }
      statusLog(last: 1) { nodes { status createdAt } }
      refundRequest { legacyId status }
    }
  }
}
""",
        triggers=["trackingNumber", "statusLog"],
    ),
    WebhookRecipe(
        name="refunded-items",
        title="Refunded items",
        description="Each line of a refund request, with what was decided about it, for an accounting system.",
        type=WebhookKlass.REFUND_REQUEST_LINE_ITEM,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on RefundRequestLineItem {
      status
      quantity
      amountCents
      lineItem { variantSku }
      refundRequest { legacyId }
    }
  }
}
""",
        triggers=["status"],
    ),
    WebhookRecipe(
        name="notes-on-invoices",
        title="Notes on invoices",
        description="Each annotation of an invoice, and whether it is resolved, for a service desk.",
        type=WebhookKlass.INVOICE_ANNOTATION,
        query_string="""\
query($id: ID!) {
  node(id: $id) { ... on InvoiceAnnotation { content resolved invoice { legacyId } } }
}
""",
    ),
    WebhookRecipe(
        name="payouts",
        title="Payouts",
        description="Each remittance advice with what it pays, and once more when it is paid, for a seller's accounts.",
        type=WebhookKlass.REMITTANCE_ADVICE,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on RemittanceAdvice {
      legacyId
      totalCents
      paidAt
      paymentReference
      remittances { amountCents commissionAmountCents invoice { legacyId } }
    }
  }
}
""",
    ),
    WebhookRecipe(
        name="order-status",
        title="Status of orders",
        description="The status of an order over all of its invoices, for a customer's account page.",
        type=WebhookKlass.ORDER,
        query_string="""\
query($id: ID!) {
  node(id: $id) {
    ... on Order {
      legacyId
      status
      aggregateInvoiceStatus
      emailAddress
      invoices(first: 50) { nodes { legacyId statusFlags } }
    }
  }
}
""",
        event_names=_CREATE_OR_UPDATE,
        triggers=["status", "invoices.statusFlags"],
        is_operators_only=True,
    ),
)
