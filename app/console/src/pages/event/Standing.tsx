import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { Link } from 'react-router';

import { eventPath, webhookPath } from '../../parts/names';
import { StateBadge } from '../../parts/StateBadge';
import { When } from '../../parts/When';
import type { Event } from './types';
import { DOCS, EXPLANATIONS } from './words';

/** Why the event stands where it stands, and what to do next. */
export function Standing({ event }: { event: Event }) {
  const { meaning, advice, color } = EXPLANATIONS[event.state];
  const { webhook, supersededBy } = event;
  return (
    <Alert color={color} variant="light" icon={<IconInfoCircle aria-hidden />} title={meaning} role="status">
      <Stack gap={6}>
        {event.reason && (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {event.reason}
          </Text>
        )}
        {event.dueAt && event.state === 'RETRYING' && (
          <Text size="sm">
            Next attempt: <When at={event.dueAt} />. Attempts so far: {event.attemptCount}, of {webhook.maxRetries + 1} at most.
          </Text>
        )}
        {webhook.health !== 'OK' && webhook.healthReason && (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            The webhook: {webhook.healthReason}
          </Text>
        )}
        <Text size="sm">{advice}</Text>
        {supersededBy && (
          <Group gap="xs">
            <Anchor component={Link} to={eventPath(supersededBy.id)} size="sm" c="inherit" underline="always">
              The event that took its place
            </Anchor>
            <StateBadge state={supersededBy.state} />
          </Group>
        )}
        <Group gap="md">
          {event.state === 'HELD' && (
            <Button component={Link} to={webhookPath(webhook.id)} size="compact-sm" variant="default">
              To the webhook
            </Button>
          )}
          <Anchor href={DOCS} size="sm" c="inherit" underline="always">
            My event did not arrive
          </Anchor>
        </Group>
      </Stack>
    </Alert>
  );
}
