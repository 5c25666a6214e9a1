import { Text, Tooltip, type TextProps } from '@mantine/core';
import { useSyncExternalStore } from 'react';

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const ABSOLUTE = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });
const STEPS: readonly (readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
];

/** Say a time as people do: “3 minutes ago”, “in 2 hours”, “now”. */
export function sayWhen(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  for (const [size, unit] of STEPS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? 'now' : RELATIVE.format(Math.trunc(seconds), 'second');
}

// One clock for all times of a page; it stands still while nothing shows a time.
let now = Date.now();
const listeners = new Set<() => void>();
let clock: ReturnType<typeof setInterval> | undefined;

function onTick(listener: () => void): () => void {
  listeners.add(listener);
  now = Date.now();
  clock ??= setInterval(() => {
    now = Date.now();
    for (const one of listeners) one();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(clock);
      clock = undefined;
    }
  };
}

/** A time in words, which stay true while the page is open; the exact time by pointing at it. */
export function When({ at, ...look }: { at: string | null | undefined } & TextProps) {
  const words = useSyncExternalStore(onTick, () => (at ? sayWhen(at, now) : '–'));
  if (!at) return <Text span inherit {...look}>–</Text>;
  return (
    <Tooltip label={ABSOLUTE.format(new Date(at))}>
      <Text span inherit {...look}>
        <time dateTime={at}>{words}</time>
      </Text>
    </Tooltip>
  );
}
