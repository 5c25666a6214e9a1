import { Alert, Anchor, Group, Stack, Text } from '@mantine/core';
import { IconHeartbeat, IconSend } from '@tabler/icons-react';
import { Link } from 'react-router';

import { useAction } from '../../api/useAction';
import {
  ResumeWebhookDocument,
  type WebhookDetailsFragment,
  type WebhookHealthEnum,
  type WebhookPageQuery,
} from '../../gql/graphql';
import { ActButton } from '../../parts/ActButton';
import { Json } from '../../parts/Json';
import { eventPath } from '../../parts/names';
import { When } from '../../parts/When';
import { AttemptOutcome } from '../event/Attempts';

type Attempt = WebhookPageQuery['deliveryAttempts']['nodes'][number];

/** Each health but OK: what it means, and what to do. */
const WORDS: Record<Exclude<WebhookHealthEnum, 'OK'>, readonly [meaning: string, cure: string, color: string]> = {
  DELETED: ['This webhook was deleted', 'It is sent nothing any more. Its events can still be read.', 'gray'],
  DISABLED_BY_TELLGRAPH: [
    'Tellgraph has disabled this webhook',
    'Mend the endpoint, then enable the webhook: what it has missed is sent.',
    'red',
  ],
  DISABLED: ['This webhook is disabled', 'Enable it: what it has missed is sent.', 'gray'],
  BROKEN: ['This webhook no longer fits the schema', 'Edit its query, its triggers or its filter.', 'red'],
  FAILING: ['Deliveries fail', 'Mend the endpoint. “Send now” does not wait for the next retries.', 'red'],
  CATCHING_UP: ['This webhook catches up', 'It is sent what it has missed. Nothing is to be done.', 'blue'],
  PAUSED: ['The endpoint has asked for a pause', '“Send now” ends the pause.', 'yellow'],
};

/** Say what is wrong with a webhook, show the last answer, and offer to send what waits. */
export function Health({ webhook, lastFailure }: { webhook: WebhookDetailsFragment; lastFailure: Attempt | undefined }) {
  const resume = useAction(ResumeWebhookDocument, 'All that waits is being sent.');
  const { id, health } = webhook;
  if (health === 'OK') return null;
  const [meaning, cure, color] = WORDS[health];
  const showsAnswer = lastFailure && (health === 'FAILING' || health === 'DISABLED_BY_TELLGRAPH');
  return (
    <Alert color={color} variant="light" icon={<IconHeartbeat aria-hidden />} title={meaning} role="status">
      <Stack gap={8}>
        {(webhook.healthReason ?? webhook.healthSince) && (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {webhook.healthReason}
            {webhook.healthSince && health !== 'FAILING' && (
              <>
                {' '}
                Since <When at={webhook.healthSince} />.
              </>
            )}
          </Text>
        )}
        {health === 'PAUSED' && webhook.pausedUntil && (
          <Text size="sm">
            Paused until <When at={webhook.pausedUntil} />.
          </Text>
        )}
        <Text size="sm">{cure}</Text>
        {showsAnswer && (
          <Stack gap={6} role="group" aria-label="Last answer">
            <Group gap="xs">
              <Text size="sm">
                The last failed attempt, <When at={lastFailure.startedAt} />:
              </Text>
              <AttemptOutcome attempt={lastFailure} />
              {lastFailure.webhookEvent && (
                <Anchor component={Link} to={eventPath(lastFailure.webhookEvent.id)} size="sm" c="inherit" underline="always">
                  See its event
                </Anchor>
              )}
            </Group>
            {lastFailure.error && (
              <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                {lastFailure.error}
              </Text>
            )}
            {lastFailure.responseBody && <Json value={lastFailure.responseBody} label="Answer" maxHeight={140} />}
          </Stack>
        )}
        {(health === 'FAILING' || health === 'PAUSED') && (
          <Group>
            <ActButton variant="filled" leftSection={<IconSend size={16} />} act={() => resume({ id })}>
              Send now
            </ActButton>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}
