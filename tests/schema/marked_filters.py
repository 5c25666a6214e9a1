"""Of each filter of each list, a value that rows of seller 2 alone meet, in the database of `marked`."""

from typing import Any

from schema.entities.global_ids import encode
from tests.schema.marked import HIDDEN, MarkedRows


def only_of_seller_2(marked: MarkedRows, name: str, path: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of a list with one filter that is met by rows of seller 2 and of nobody else who is not hidden."""
    *outer, leaf = path
    values = _values(marked, "advertsWhere" if outer == ["advertFilters"] else name)
    assert leaf in values or leaf.endswith(("Since", "Until")), f"say here what of seller 2's {leaf} is to match"
    given = {leaf: values[leaf]} if leaf in values else {}
    if leaf.endswith(("Since", "Until")):
        given = {f"{leaf[:-5]}Since": "2080-01-01T00:00:00Z"}
        if leaf.endswith("Until"):
            given[leaf] = "2084-01-01T00:00:00Z"
    if leaf == "quantityTo":
        given["quantityFrom"] = HIDDEN.start
    return {outer[0]: given} if outer else given


def _values(marked: MarkedRows, name: str) -> dict[str, Any]:
    invoice, advert, variant, seller = (
        marked.rows[table, "S2"] for table in ("invoices", "adverts", "variants", "sellers")
    )
    tables = {
        "refundRequests": "refund_requests",
        "invoiceAmendments": "invoice_amendments",
        "advertsWhere": "adverts",
        "remittanceAdvices": "remittance_advices",
    }
    listed = marked.rows[tables.get(name, "invoices"), "S2"]["id"]
    external = {of: marked.rows[f"external_ids of {of}", "S2"] for of in ("Invoice", "Variant", "Advert")}
    pair = external["Variant" if name == "variantsWhere" else "Advert"]
    audited = marked.rows["audit_entries", "S2"]
    return {
        "action": audited["action"],
        "apiKeyId": encode("ApiKey", audited["api_key_id"]),
        "awaitingCollection": True,
        "awaitingReturn": True,
        "barcodes": [variant["barcode"]],
        "brandIds": [marked.id_of("Brand", "ALL")],
        "businessName": seller["business_name"],
        "buyerEmailAddress": invoice["buyer_email_address"],
        "buyerName": invoice["buyer_surname"],
        "codes": [advert["code"]],
        "conditions": ["USED"],
        "entityId": marked.id_of("Invoice", "S2"),
        "eventNames": ["DESTROY"],
        "externalId": external["Invoice"]["value"] if name == "invoices" else {k: pair[k] for k in ("key", "value")},
        "health": ["DISABLED"],
        "host": "s2-HOST.example",
        "infiniteQuantity": True,
        "invoiceAmendmentIds": [marked.id_of("InvoiceAmendment", "S2")],
        "invoiceAmendmentLegacyIds": [marked.rows["invoice_amendments", "S2"]["id"]],
        "invoiceIds": [marked.id_of("Invoice", "S2")],
        "invoiceLegacyId": invoice["id"],
        "invoiceLegacyIds": [invoice["id"]],
        "isFailed": True,
        "isOperators": True,
        "isPaused": True,
        "key": external["Invoice"]["key"],
        "kinds": [marked.rows["operational_events", "S2"]["kind"]],
        "legacyId": listed,
        "legacyIds": [listed],
        "lineItemStatuses": [marked.rows["refund_request_line_items", "S2"]["status"]],
        "notDispatched": True,
        "online": False,
        "orderId": marked.rows["orders", "S0"]["id"],
        "ownerType": "Order",
        "paymentReference": [marked.rows["remittance_advices", "S2"]["payment_reference"]],
        "processed": True,
        "published": False,
        "q": advert["title"],
        "quantityFrom": HIDDEN.start,
        "quantityTo": HIDDEN.stop,
        "released": True,
        "requestId": audited["request_id"],
        "retailerBusinessNames": [seller["business_name"]],
        "retailerLegacyIds": [seller["id"]],
        "retailerNames": [seller["business_name"]],
        "retailerIds": [marked.id_of("Seller", "S2")],
        "search": marked.rows["webhooks", "S2"]["description"],
        "sellerId": marked.id_of("Seller", "S2"),
        "sellerIds": [marked.id_of("Seller", "S2")],
        "skus": [variant["sku"]],
        "states": ["FAILED"],
        "status": "NOT_DISPLAYED",
        "statuses": ["READY"] if name == "invoices" else [marked.rows["refund_requests", "S2"]["status"]],
        "stocked": True,
        "taxonIds": [marked.id_of("Taxon", "ALL")],
        "title": advert["title"],
        "total": marked.rows["remittance_advices", "S2"]["total_cents"] / 100,
        "totalPaid": marked.rows["remittance_advices", "S2"]["total_cents"] / 100,
        "types": [marked.rows["webhooks", "S2"]["type"]],
        "urlContains": "s2-URL",
        "value": external["Invoice"]["value"],
        "values": [external["Invoice"]["value"]],
        "variantBarcodes": [row["barcode"] for row in marked.all_rows["variants", "S2"]],
        "variantSkus": [row["sku"] for row in marked.all_rows["variants", "S2"]],
        "vetted": False,
        "withUnresolvedAnnotationsOfType": marked.id_of("InvoiceAnnotationType", "ALL"),
        "webhookId": marked.id_of("Webhook", "S2"),
    }  # fmt: skip
