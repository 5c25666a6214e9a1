import type { AuditEntryFilters } from '../../gql/graphql';

/** The filters of the page as they stand in its address. */
export const FILTERS = ['key', 'action', 'entity', 'request', 'seller', 'since', 'until'] as const;
export type Filter = (typeof FILTERS)[number];
export type Filters = Readonly<Record<Filter, string | null>>;

/** Return the filters as the API takes them. Days are those of this browser, and both belong to the time. */
export function toInput(filters: Filters): AuditEntryFilters {
  return {
    apiKeyId: filters.key,
    action: filters.action,
    entityId: filters.entity,
    requestId: filters.request,
    sellerId: filters.seller,
    recordedSince: startOf(filters.since, 0),
    recordedUntil: startOf(filters.until, 1),
  };
}

function startOf(day: string | null, daysLater: number): string | null {
  const start = new Date(`${day ?? ''}T00:00:00`);
  if (Number.isNaN(start.getTime())) return null;
  start.setDate(start.getDate() + daysLater);
  return start.toISOString();
}
