import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'react-router';
import { useQuery } from 'urql';

import { useAction, type Outcome } from '../../api/useAction';
import { useActivity } from '../../api/useActivity';
import { ComposerAttemptsDocument, ComposerTestDocument, type ActivityEventFragment } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Section } from '../../parts/Section';
import { StateBadge } from '../../parts/StateBadge';
import { When } from '../../parts/When';

type Props = Readonly<{ webhookId: string; entityId: string | null; isPull: boolean }>;

/** A test event, and all that the webhook sends while the page is open. */
export function Arrival({ webhookId, entityId, isPull }: Props) {
  const { events, isLive } = useActivity({ webhookId });
  const test = useAction(ComposerTestDocument);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isRunning, setRunning] = useState(false);
  const send = async () => {
    setRunning(true);
    setOutcome(await test({ webhookId, entityId }));
    setRunning(false);
  };
  return (
    <Section
      title="See it arrive"
      actions={
        <Button loading={isRunning} disabled={!isLive} onClick={() => void send()}>
          Send a test
        </Button>
      }
    >
      <Stack gap="sm">
        {outcome && !outcome.isOk && <Failure error={outcome.error} refusals={outcome.refusals} />}
        {events.length === 0 ? (
          <Empty title={isLive ? 'Nothing was sent yet' : 'Connecting …'}>
            {isPull ? 'Start the receiver' : 'Start the receiver at the URL'}, then send a test. What is sent appears here.
          </Empty>
        ) : (
          <Stack gap="xs" component="ul" p={0} m={0} aria-label="Events" aria-live="polite" style={{ listStyle: 'none' }}>
            {events.map((event) => (
              <li key={event.id}>
                <Sent event={event} isPull={isPull} />
              </li>
            ))}
          </Stack>
        )}
      </Stack>
    </Section>
  );
}

function Sent({ event, isPull }: { event: ActivityEventFragment; isPull: boolean }) {
  const hasFailed = event.state === 'RETRYING' || event.state === 'FAILED';
  return (
    <Stack gap={4}>
      <Group gap="xs" justify="space-between">
        <Group gap="xs">
          <StateBadge state={event.state} />
          <Anchor size="sm" renderRoot={(props) => <Link {...props} to={`/events/${encodeURIComponent(event.id)}`} />}>
            {event.entityType} {event.eventName}
          </Anchor>
          {event.lastStatus && <Text size="sm">HTTP {event.lastStatus}</Text>}
        </Group>
        <When at={event.finishedAt ?? event.createdAt} size="sm" c="dimmed" />
      </Group>
      {event.reason && <Text size="sm">{event.reason}</Text>}
      {event.state === 'PENDING' && isPull && (
        <Text size="sm" c="dimmed">
          It waits for the receiver to take it.
        </Text>
      )}
      {hasFailed && <LastAnswer key={event.attemptCount} event={event} />}
    </Stack>
  );
}

function LastAnswer({ event }: { event: ActivityEventFragment }) {
  const [{ data }] = useQuery({
    query: ComposerAttemptsDocument,
    variables: { id: event.id },
    requestPolicy: 'network-only',
  });
  const attempts = data?.node?.__typename === 'WebhookEvent' ? data.node.attempts : [];
  const last = attempts.reduce<(typeof attempts)[number] | null>(
    (latest, one) => (latest && latest.number > one.number ? latest : one),
    null,
  );
  if (!last) return null;
  return (
    <Alert color="orange" title={last.error ?? `The receiver answered ${last.status}.`}>
      {last.responseBody && <Text size="sm">{last.responseBody}</Text>}
      <Text size="sm">
        {event.state === 'RETRYING' && event.dueAt && (
          <>
            It is tried again <When at={event.dueAt} />.{' '}
          </>
        )}
        <Anchor href="/docs/my-event-did-not-arrive" target="_blank" size="sm" underline="always">
          Read more
        </Anchor>
      </Text>
    </Alert>
  );
}
