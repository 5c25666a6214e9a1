import type { WebhookKlassEnum } from '../gql/graphql';

const TYPES: Record<WebhookKlassEnum, string> = {
  INVOICE: 'Invoices',
  ORDER: 'Orders',
  SHIPMENT: 'Shipments',
  REFUND_REQUEST: 'Refund requests',
  ADVERT: 'Adverts',
  VARIANT: 'Variants',
  SELLER: 'Sellers',
  INVOICE_ANNOTATION: 'Invoice annotations',
  RETURN_SHIPMENT: 'Return shipments',
  REFUND_REQUEST_LINE_ITEM: 'Refund request lines',
  TAXON: 'Taxons',
  OPTION_TYPE: 'Option types',
  OPTION_VALUE: 'Option values',
  REMITTANCE_ADVICE: 'Remittance advices',
  COMMISSION_PACKAGE: 'Commission packages',
  OPERATIONAL_EVENT: 'Operational events',
};

export const TYPE_OPTIONS = (Object.keys(TYPES) as WebhookKlassEnum[]).map((value) => ({ value, label: TYPES[value] }));

/** What a webhook is about, as in “Refund requests”. */
export function sayType(type: WebhookKlassEnum): string {
  return TYPES[type] ?? type;
}

/** The readable form of a global id, as in `Invoice-10363`; the id itself where it has none. */
export function sayId(id: string): string {
  try {
    const text = atob(id);
    return /^\w+-\d+$/.test(text) ? text : id;
  } catch {
    return id;
  }
}

/** How a webhook is called: its description, its address, or its number. */
export function sayWebhook(webhook: { id: string; description?: string | null; url?: string | null }): string {
  return webhook.description || webhook.url || sayId(webhook.id);
}

export const webhookPath = (id: string) => `/webhooks/${encodeURIComponent(id)}`;
export const eventPath = (id: string) => `/events/${encodeURIComponent(id)}`;
