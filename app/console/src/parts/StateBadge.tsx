import { Badge } from '@mantine/core';

import type { WebhookEventStateEnum, WebhookHealthEnum } from '../gql/graphql';

type Look = readonly [text: string, color: string];

const STATES: Record<WebhookEventStateEnum, Look> = {
  PENDING: ['Pending', 'blue'],
  SENDING: ['Sending', 'blue'],
  RETRYING: ['Retrying', 'orange'],
  DELIVERED: ['Delivered', 'green'],
  SKIPPED: ['Skipped', 'gray'],
  SUPERSEDED: ['Superseded', 'gray'],
  HELD: ['Held', 'yellow'],
  FAILED: ['Failed', 'red'],
  CANCELLED: ['Cancelled', 'gray'],
  RENDER_FAILED: ['Render failed', 'red'],
};

const HEALTHS: Record<WebhookHealthEnum, Look> = {
  OK: ['OK', 'green'],
  CATCHING_UP: ['Catching up', 'blue'],
  PAUSED: ['Paused', 'yellow'],
  FAILING: ['Failing', 'red'],
  BROKEN: ['Broken', 'red'],
  DISABLED: ['Disabled', 'gray'],
  DISABLED_BY_TELLGRAPH: ['Disabled by Tellgraph', 'red'],
  DELETED: ['Deleted', 'gray'],
};

/** The words of the states, for lists to choose from. */
export const STATE_OPTIONS = optionsOf(STATES);
export const HEALTH_OPTIONS = optionsOf(HEALTHS);

function optionsOf<Name extends string>(looks: Record<Name, Look>): { value: Name; label: string }[] {
  return (Object.keys(looks) as Name[]).map((value) => ({ value, label: looks[value][0] }));
}

/** Where a webhook event stands. */
export function StateBadge({ state }: { state: WebhookEventStateEnum }) {
  return <LookBadge look={STATES[state] ?? [state, 'gray']} />;
}

/** Whether a webhook works. */
export function HealthBadge({ health }: { health: WebhookHealthEnum }) {
  return <LookBadge look={HEALTHS[health] ?? [health, 'gray']} />;
}

function LookBadge({ look: [text, color] }: { look: Look }) {
  return (
    <Badge color={color} variant="light" tt="none" radius="sm" miw="max-content">
      {text}
    </Badge>
  );
}
