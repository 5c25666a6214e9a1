const DAY_MS = 24 * 60 * 60 * 1000;

/** How long a new key may live. */
export const LIFETIMES = [
  { value: 'never', label: 'Never', days: null },
  { value: '30', label: 'In 30 days', days: 30 },
  { value: '90', label: 'In 90 days', days: 90 },
  { value: '365', label: 'In a year', days: 365 },
  { value: 'date', label: 'On a date', days: null },
] as const;

/** Return the end of a key as the API takes it; null: never. A date means the end of that day, here. */
export function endOf(lifetime: string, date: string): string | null {
  if (lifetime === 'date') return date === '' ? null : new Date(`${date}T23:59:59`).toISOString();
  const days = LIFETIMES.find(({ value }) => value === lifetime)?.days ?? null;
  return days === null ? null : new Date(Date.now() + days * DAY_MS).toISOString();
}

/** For how long the old key works beside the new one, in seconds. */
export const OVERLAPS = [
  { value: '0', label: 'Not at all' },
  { value: '3600', label: 'For an hour' },
  { value: '86400', label: 'For a day' },
  { value: '604800', label: 'For a week' },
  { value: '2592000', label: 'For 30 days' },
] as const;
