import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { useMemo } from 'react';
import { useQuery } from 'urql';

import {
  RecentAdvertsDocument,
  RecentCommissionPackagesDocument,
  RecentInvoiceAnnotationsDocument,
  RecentInvoicesDocument,
  RecentOperationalEventsDocument,
  RecentOptionsDocument,
  RecentOrdersDocument,
  RecentRefundRequestLineItemsDocument,
  RecentRefundRequestsDocument,
  RecentRemittanceAdvicesDocument,
  RecentReturnShipmentsDocument,
  RecentSellersDocument,
  RecentShipmentsDocument,
  RecentTaxonsDocument,
  RecentVariantsDocument,
  type WebhookKlassEnum,
} from '../../gql/graphql';

/** An entity to try a query on, as a choice. */
export type Entity = Readonly<{ value: string; label: string }>;

type Source = Readonly<{ document: TypedDocumentNode<object, object>; list: (data: never) => Entity[] }>;

const nameOf = (type: string, number: number, ...words: (string | null | undefined)[]) =>
  [`${type} ${number}`, ...words.filter(Boolean)].join(' · ');

function source<Data extends object, Variables extends object>(
  document: TypedDocumentNode<Data, Variables>,
  list: (data: Data) => Entity[],
): Source {
  return { document: document as unknown as TypedDocumentNode<object, object>, list: list as (data: never) => Entity[] };
}

/** Entities that others name, the newest name first, each once. */
const distinct = (entities: readonly Entity[]) =>
  [...new Map([...entities].reverse().map((entity) => [entity.value, entity])).values()].slice(0, 10);

/** The newest entities of a type, the newest first. */
const SOURCES: Record<WebhookKlassEnum, Source> = {
  INVOICE: source(RecentInvoicesDocument, ({ invoices }) =>
    invoices.nodes
      .map(({ id, legacyId, statusFlags }) => ({ value: id, label: nameOf('Invoice', legacyId, ...statusFlags) }))
      .reverse(),
  ),
  VARIANT: source(RecentVariantsDocument, ({ variantsWhere }) =>
    variantsWhere.nodes
      .map(({ id, legacyId, sku, label }) => ({ value: id, label: nameOf('Variant', legacyId, sku, label) }))
      .reverse(),
  ),
  REFUND_REQUEST: source(RecentRefundRequestsDocument, ({ refundRequests }) =>
    refundRequests.nodes
      .map(({ id, legacyId, status }) => ({ value: id, label: nameOf('Refund request', legacyId, status) }))
      .reverse(),
  ),
  ADVERT: source(RecentAdvertsDocument, ({ advertsWhere }) =>
    advertsWhere.nodes
      .map(({ id, legacyId, title }) => ({ value: id, label: nameOf('Advert', legacyId, title) }))
      .reverse(),
  ),
  SHIPMENT: source(RecentShipmentsDocument, ({ invoices }) =>
    invoices.nodes
      .flatMap(({ shipments }) => shipments)
      .map(({ id, legacyId, carrier, trackingNumber }) => ({
        value: id,
        label: nameOf('Shipment', legacyId, carrier, trackingNumber),
      }))
      .reverse()
      .slice(0, 10),
  ),
  SELLER: source(RecentSellersDocument, ({ sellers }) =>
    sellers.nodes
      .map(({ id, legacyId, businessName }) => ({ value: id, label: nameOf('Seller', legacyId, businessName) }))
      .reverse(),
  ),
  ORDER: source(RecentOrdersDocument, ({ updatedOrders }) =>
    (updatedOrders?.nodes ?? [])
      .map(({ id, legacyId, status }) => ({ value: id, label: nameOf('Order', legacyId, status) }))
      .reverse(),
  ),
  INVOICE_ANNOTATION: source(RecentInvoiceAnnotationsDocument, ({ invoices }) =>
    invoices.nodes
      .flatMap(({ annotations }) => annotations)
      .map(({ id, content }) => ({ value: id, label: content.slice(0, 60) }))
      .reverse()
      .slice(0, 10),
  ),
  RETURN_SHIPMENT: source(RecentReturnShipmentsDocument, ({ refundRequests }) =>
    refundRequests.nodes
      .flatMap(({ shipments }) => shipments)
      .map(({ id, carrier, trackingNumber }) => ({
        value: id,
        label: ['Return shipment', carrier.name, trackingNumber].filter(Boolean).join(' · '),
      }))
      .reverse()
      .slice(0, 10),
  ),
  REFUND_REQUEST_LINE_ITEM: source(RecentRefundRequestLineItemsDocument, ({ refundRequests }) =>
    refundRequests.nodes
      .flatMap(({ lineItems }) => lineItems)
      .map(({ id, legacyId, status }) => ({ value: id, label: nameOf('Line', legacyId, status) }))
      .reverse()
      .slice(0, 10),
  ),
  TAXON: source(RecentTaxonsDocument, ({ advertsWhere }) =>
    distinct(advertsWhere.nodes.flatMap(({ taxon }) => (taxon ? [{ value: taxon.id, label: taxon.treeName }] : []))),
  ),
  OPTION_TYPE: source(RecentOptionsDocument, ({ variantsWhere }) =>
    distinct(
      variantsWhere.nodes
        .flatMap(({ variantOptionValues }) => variantOptionValues.nodes)
        .map(({ optionType }) => ({ value: optionType.id, label: optionType.displayName })),
    ),
  ),
  OPTION_VALUE: source(RecentOptionsDocument, ({ variantsWhere }) =>
    distinct(
      variantsWhere.nodes
        .flatMap(({ variantOptionValues }) => variantOptionValues.nodes)
        .flatMap(({ optionType, optionValue }) =>
          optionValue
            ? [{ value: optionValue.id, label: `${optionType.displayName} · ${optionValue.displayName}` }]
            : [],
        ),
    ),
  ),
  REMITTANCE_ADVICE: source(RecentRemittanceAdvicesDocument, ({ remittanceAdvices }) =>
    remittanceAdvices.nodes
      .map(({ id, legacyId, paymentReference }) => ({
        value: id,
        label: nameOf('Remittance advice', legacyId, paymentReference),
      }))
      .reverse(),
  ),
  COMMISSION_PACKAGE: source(RecentCommissionPackagesDocument, ({ commissionPackages }) =>
    (commissionPackages?.nodes ?? []).map(({ id, name }) => ({ value: id, label: name })).reverse(),
  ),
  OPERATIONAL_EVENT: source(RecentOperationalEventsDocument, ({ operationalEvents }) =>
    operationalEvents.nodes.map(({ id, kind, occurredAt }) => ({ value: id, label: `${kind} · ${occurredAt}` })),
  ),
};

/** List the newest entities of a type, the newest first. */
export function useRecent(type: WebhookKlassEnum) {
  const { document, list } = SOURCES[type];
  const [{ data, error, fetching }] = useQuery({ query: document });
  const entities = useMemo(() => (data ? list(data as never) : []), [data, list]);
  return { entities, error, isFetching: fetching && !data };
}
