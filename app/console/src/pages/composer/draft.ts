import type {
  ComposerWebhookQuery,
  RecipeFragment,
  WebhookCreateAttributes,
  WebhookDeliveryEnum,
  WebhookEventEnum,
  WebhookKlassEnum,
  WebhookUpdateAttributes,
} from '../../gql/graphql';

/** The webhook on the page, saved or not. */
export type Draft = Readonly<{
  type: WebhookKlassEnum;
  eventNames: readonly WebhookEventEnum[];
  queryString: string;
  triggers: readonly string[];
  filter: string;
  allowSkip: boolean;
  includePrevious: boolean;
  /** The seller that it is registered for; null: whoever the key belongs to. */
  sellerId: string | null;
  delivery: WebhookDeliveryEnum;
  url: string;
  /** Lines of the form `Name: value`. */
  headers: string;
  description: string;
}>;

export type Change = (changed: Partial<Draft>) => void;

type StoredWebhook = Extract<NonNullable<ComposerWebhookQuery['node']>, { __typename?: 'Webhook' }>;

export const EVENTS: readonly WebhookEventEnum[] = ['CREATE', 'UPDATE', 'DESTROY'];

export const TYPES: Record<WebhookKlassEnum, string> = {
  INVOICE: 'Invoices',
  VARIANT: 'Variants',
  REFUND_REQUEST: 'Refund requests',
  ADVERT: 'Adverts',
  SHIPMENT: 'Shipments',
  SELLER: 'Sellers',
  ORDER: 'Orders',
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

/** The name of a type in the schema, such as `RefundRequest`. */
export const entityOf = (type: WebhookKlassEnum) =>
  type.toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());

/** What may happen to entities of a type. */
export const eventsOf = (type: WebhookKlassEnum) => (type === 'OPERATIONAL_EVENT' ? EVENTS.slice(0, 1) : EVENTS);

export const skeletonOf = (type: WebhookKlassEnum) =>
  `query($id: ID!) {\n  node(id: $id) {\n    ... on ${entityOf(type)} {\n      id\n    }\n  }\n}\n`;

const NOWHERE = { sellerId: null, delivery: 'PUSH', url: '', headers: '', description: '' } as const;

/** A draft without a recipe; what says where it goes stays as it is. */
export function emptyDraft(type: WebhookKlassEnum, before?: Draft): Draft {
  const where = before ?? NOWHERE;
  return {
    type,
    eventNames: eventsOf(type),
    queryString: skeletonOf(type),
    triggers: [],
    filter: '',
    allowSkip: true,
    includePrevious: false,
    ...{ sellerId: where.sellerId, delivery: where.delivery },
    ...{ url: where.url, headers: where.headers, description: where.description },
  };
}

export function draftOfRecipe(recipe: RecipeFragment, before?: Draft): Draft {
  const { type, eventNames, queryString, triggers, filter, allowSkip, includePrevious, title } = recipe;
  return {
    ...emptyDraft(type, before),
    ...{ eventNames: type === 'OPERATIONAL_EVENT' ? eventsOf(type) : eventNames },
    ...{ queryString, triggers, filter: filter ?? '', allowSkip, includePrevious, description: title },
  };
}

/** The stored webhook as a draft. The operator names its owner, as for a new one; a seller's webhooks are its own. */
export function draftOfWebhook(webhook: StoredWebhook, isOfOperator: boolean): Draft {
  const { type, eventNames, queryString, triggers, filter, allowSkip, includePrevious, delivery, url, description } = webhook;
  const sellerId = isOfOperator ? (webhook.seller?.id ?? null) : null;
  return {
    ...{ type, eventNames, queryString, triggers, filter: filter ?? '', allowSkip, includePrevious, delivery },
    ...{ sellerId, url: url ?? '', headers: '', description: description ?? '' },
  };
}

/** What `webhookUpdate` takes. The address and its headers stay as they are. */
export function changesOf(draft: Draft): WebhookUpdateAttributes {
  const { eventNames, queryString, triggers, filter, allowSkip, includePrevious, description } = draft;
  return {
    ...{ eventNames: [...eventNames], queryString, triggers: [...triggers], filter: filter.trim() || null },
    ...{ allowSkip, includePrevious, description: description.trim() || null },
  };
}

/** What `webhookCreate` takes, without what is as it would be anyway. */
export function attributesOf(draft: Draft): WebhookCreateAttributes {
  const { type, eventNames, queryString, triggers, filter, allowSkip, includePrevious, sellerId, delivery, url } = draft;
  const headers = headersOf(draft.headers);
  return {
    type,
    ...(sellerId && { sellerId }),
    ...(delivery === 'PULL' ? { delivery } : { url: url.trim() }),
    queryString,
    ...(eventNames.length < eventsOf(type).length && { eventNames: [...eventNames] }),
    ...(triggers.length > 0 && { triggers: [...triggers] }),
    ...(filter.trim() && { filter: filter.trim() }),
    ...(!allowSkip && { allowSkip }),
    ...(includePrevious && { includePrevious }),
    ...(delivery === 'PUSH' && Object.keys(headers).length > 0 && { headers }),
    ...(draft.description.trim() && { description: draft.description.trim() }),
  };
}

function headersOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim());
  return Object.fromEntries(
    lines.map((line) => {
      const place = line.indexOf(':');
      return place < 0 ? [line.trim(), ''] : [line.slice(0, place).trim(), line.slice(place + 1).trim()];
    }),
  );
}
