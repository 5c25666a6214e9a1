"""Queries and mutations as clients of Marketplacer send them: its names, arguments and types of variables."""

PAGE = "pageInfo { hasNextPage endCursor } totalCount"
ADDRESS = "address subaddress city postcode fullAddress country { id name code } state { id name short }"

#: Name → the document. Each variable is one of `VARIABLES` in test_documents.py.
QUERIES = {
    "invoices": f"""
      query Invoices($since: ISO8601DateTime, $first: Int, $after: String) {{
        invoices(filters: {{createdSince: $since, statuses: [PAID, SENT]}},
                 sort: {{fields: [CREATED_AT], ordering: DESCENDING}}, first: $first, after: $after) {{
          {PAGE}
          nodes {{ id legacyId createdAt statusFlags deliveryType totalCents totalFormatted(currency: "AUD")
            lineItems {{ id quantity status statusFull advertTitle variantSku totalCents }} seller {{ businessName }} }}
        }}
      }}""",
    "an invoice by its id": f"""
      query Invoice($id: ID!) {{
        node(id: $id) {{
          __typename
          ... on Invoice {{
            buyerFirstName buyerSurname buyerPhone buyerEmailAddress buyerMessageToSeller paidAt remittedAt
            shippingDescription shippingAddress {{ {ADDRESS} }} buyerBillingAddress {{ {ADDRESS} }}
            subtotalCents taxTotalCents taxShippingCents shippingCostCents discountCents commissionAmountCents
            commissionAmountTaxCents commissionTaxRate postageTaxRate externalTaxApplied paymentInstrumentType
            merchantFeeCents merchantFeeTaxTotalCents merchantFeesTaxRate totalIncludingAdjustmentsCents
            adjustments {{ adjustmentType appliesTo amountCents amountToWithholdFromSellerRemittanceCents description }}
            externalIds {{ key value }} metadata {{ key value }} annotations {{ id content resolved }}
          }}
        }}
      }}""",
    "line items of an order": """
      query Lines($orderId: ID!) {
        order(orderId: $orderId) {
          id legacyId status token total subtotal taxTotal postage isGift messageToGiftRecipient aggregateInvoiceStatus
          aggregateInvoiceStatusFinal expectedDeliveryDate expectedDeliverySlot paymentInstrumentType
          lineItems(first: 5) { nodes { itemAmountCents postageCents taxRate postageTaxRate commissionRate
            commissionTaxRate wholesalePrice inventory { countOnHand } image { url } shipments { trackingNumber } } }
        }
      }""",
    "orders since": f"""
      query Orders($since: ISO8601DateTime!) {{
        updatedOrders(updatedSince: $since, first: 10) {{ {PAGE} ...Page }}
      }}
      fragment Page on UpdatedOrdersConnection {{ edges {{ cursor node {{ id firstName surname emailAddress }} }} }}""",
    "refund requests": f"""
      query Refunds($filters: RefundRequestFilters) {{
        refundRequests(filters: $filters, first: 10) {{ {PAGE}
          nodes {{ id legacyId status initiatedBy refundAmountCents cashAmountCents giftCardAmountCents
            commissionAmountTotalCents remittanceAmountTotalCents remittanceTaxTotalCents
            lineItems {{ id quantity reason amountPerItemCents lineItem {{ id }} notes {{ note }} }}
            notes {{ timestamp newStatus note author ipAddress attachments {{ url alt }} }}
            shipments {{ trackingNumber carrier {{ name trackingUrl homepageUrl }} attachments {{ url }} }} }} }}
      }}""",
    "refund requests since": f"""
      query RefundsSince($since: ISO8601DateTime!) {{
        updatedRefundRequests(updatedSince: $since) {{ {PAGE} nodes {{ id updatedAt invoice {{ id }} }} }}
      }}""",
    "amendments": f"""
      query Amendments($filters: InvoiceAmendmentFilters, $sort: InvoiceAmendmentSort) {{
        invoiceAmendments(filters: $filters, sort: $sort) {{ {PAGE}
          nodes {{ id totalCents taxCents remittanceCents externalTaxApplied lineItemAmountTotalCents
            lineItems {{ id quantity status custom dispatched amountCents totalCents customLineItemTaxRate }} }} }}
      }}""",
    "adverts": f"""
      query Adverts($externalId: ExternalIDInput, $since: ISO8601DateTime) {{
        advertsWhere(externalId: $externalId, createdSince: $since, status: DISPLAYED, first: 5) {{ {PAGE}
          ...Adverts }}
      }}
      fragment Adverts on AdvertsConnection {{
        nodes {{ id title fullTitle description code brand {{ name }} taxon {{ treeName }} lowestPrice published
          variants(displayableOnly: true) {{ nodes {{ id label sku barcode countOnHand infiniteQuantity
            recommendedRetailPrice wholesalePrice lowestOriginalPrice editablePriceFormatted
            wholesalePromoPrice ingredients allergenContains itemSize itemUnit }} }} }}
      }}""",
    "all adverts": f"""
      query AllAdverts($since: ISO8601DateTime) {{
        allAdverts(updatedSince: $since, first: 5) {{ {PAGE}
          nodes {{ ... on Advert {{ id title }} ... on UnpublishedAdvert {{ id legacyId }}
            ... on DeletedAdvert {{ id legacyId }} }} }}
      }}""",
    "variants": f"""
      query Variants($skus: [String!], $externalId: ExternalIDInput) {{
        variantsWhere(variantFilters: {{skus: $skus, externalId: $externalId, stocked: true}}, first: 5) {{ {PAGE}
          nodes {{ id sku countOnHand advert {{ ... on Advert {{ id }} }} inventories {{ nodes {{ countOnHand }} }}
            variantOptionValues {{ nodes {{ optionType {{ name }} optionValue {{ name }} textValue }} }} }} }}
      }}""",
    "types of annotations": f"""
      query Types($first: Int, $after: String) {{
        invoiceAnnotationType(first: $first, after: $after) {{ {PAGE} edges {{ cursor }}
          nodes {{ id name description createdAt updatedAt discardedAt
            creatableByOperator creatableBySeller creatableByCustomer editableByOperator editableBySeller
            editableByCustomer resolvableByOperator resolvableBySeller resolvableByCustomer
            viewableByOperator viewableBySeller viewableByCustomer }} }}
      }}""",
    "carriers": "query Carriers { shipmentCarriers { nodes { id name } } }",
    "external ids": """
      query ExternalIds($values: [String!]) {
        externalIds(ownerType: "Invoice", key: "erp", values: $values) { key value owner { ... on Invoice { id } } }
      }""",
    "the key's owner": """
      query Principal { apiKeyPrincipal { ...Owner } }
      fragment Owner on APIKeyPrincipal { name seller { id businessName } }""",
    "several things by id": """
      query Things($ids: [ID!]!) {
        nodes(ids: $ids) { id ... on Seller { businessName } ... on Shipment { carrier trackingNumber dispatchedAt
          homepageLink shippedFrom { city } shippedItems { quantity lineItem { id } } statusLog { nodes { status } } } }
      }""",
    "webhooks": """
      query Webhooks { webhooks { nodes { id url type enabled allowSkip headers maxRetries concurrentSendLimit
        queryString eventName seller { id } } } }""",
    "webhooks with their events": """
      query WebhookEvents($first: Int) {
        webhooks(first: $first) { nodes { id events { id createdAt eventName status skipped processedAt retryAfter
          payload invoice { id legacyId } shipment { trackingNumber } refundRequest { id status }
          responses { id status body createdAt } } } }
      }""",
}

#: Stored queries of webhooks, by the type that they are about.
STORED = {
    "INVOICE": "query($id: ID!) { node(id: $id) { ... on Invoice { id legacyId order { id externalIds { key value } }"
    " lineItems { id quantity variantSku totalCents } shipments { trackingNumber } } } }",
    "ORDER": "query($id: ID!) { node(id: $id) { ... on Order { id status total address { city country { code } } } } }",
    "SHIPMENT": "query($id: ID!) { node(id: $id) { ... on Shipment { id trackingLink homepageLink invoice { id } } } }",
    "ADVERT": "query($id: ID!) { node(id: $id) { __typename ... on Advert { id title variants { nodes { sku } } } } }",
    "VARIANT": "query($id: ID!) { node(id: $id) { ... on Variant { id sku countOnHand wholesalePrice } } }",
    "REFUND_REQUEST": "query($id: ID!) { node(id: $id) { ... on RefundRequest { id status notes { note } } } }",
    "RETURN_SHIPMENT": "query($id: ID!) { node(id: $id) { ... on ReturnShipment { id attachments { url } } } }",
    "REFUND_REQUEST_LINE_ITEM": "query($id: ID!) { node(id: $id) { ... on RefundRequestLineItem { id status } } }",
    "TAXON": "query($id: ID!) { node(id: $id) { ... on Taxon { id displayName treeName parent { id } } } }",
    "OPTION_TYPE": "query($id: ID!) { node(id: $id) { ... on OptionType { id optionValues { nodes { name } } } } }",
    "OPTION_VALUE": "query($id: ID!) { node(id: $id) { ... on OptionValue { id name optionType { id } } } }",
    "INVOICE_ANNOTATION": "query($id: ID!) { node(id: $id) {"
    " ... on InvoiceAnnotation { id content resolved invoiceAnnotationType { name } } } }",
    "REMITTANCE_ADVICE": "query($id: ID!) { node(id: $id) { ... on RemittanceAdvice { id remittances { id } } } }",
    "COMMISSION_PACKAGE": "query($id: ID!) { node(id: $id) { ... on CommissionPackage { id name rate } } }",
    "SELLER": "query($id: ID!) { node(id: $id) { ... on Seller { id businessName address { fullAddress } } } }",
}


def mutation(name: str, input_type: str, selection: str) -> str:
    """A mutation's document, as generated clients write it."""
    title = f"{name[0].upper()}{name[1:]}"
    return (
        f"mutation {title}($input: {input_type}!) {{ {name}(input: $input)"
        f" {{ clientMutationId status errors {{ field messages }} {selection} }} }}"
    )
