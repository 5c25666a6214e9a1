import { Anchor, Group, Skeleton, Text } from '@mantine/core';
import { useEffect } from 'react';
import { Link, useParams } from 'react-router';
import { useQuery } from 'urql';

import { useActivity } from '../../api/useActivity';
import { EventPageDocument } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { sayId, sayWebhook, webhookPath } from '../../parts/names';
import { Page } from '../../parts/Page';
import { StateBadge } from '../../parts/StateBadge';
import { When } from '../../parts/When';
import { Actions } from './Actions';
import { Attempts } from './Attempts';
import { Content } from './Content';
import { Standing } from './Standing';

/** One event: where it stands and why, what was sent, and what the receiver answered. */
export function Component() {
  const { id = '' } = useParams();
  const [{ data, error, fetching }, ask] = useQuery({ query: EventPageDocument, variables: { id } });
  const event = data?.node?.__typename === 'WebhookEvent' ? data.node : null;
  if (!event) {
    return (
      <Page title="Event">
        <Failure error={error} title="The event can't be shown" />
        {fetching && <Skeleton height={240} />}
        {!fetching && !error && (
          <Empty title="There is no such event">
            It may be older than the retention of events, or belong to another owner.{' '}
            <Anchor component={Link} to="/webhooks">
              See all webhooks
            </Anchor>
          </Empty>
        )}
      </Page>
    );
  }
  const { webhook } = event;
  return (
    <Page
      title={`${sayId(event.entityId)} ${event.eventName}`}
      about={
        <Group gap="xs">
          <StateBadge state={event.state} />
          <Text span inherit>
            changed <When at={event.changedAt} />, for
          </Text>
          <Anchor component={Link} to={webhookPath(webhook.id)} inherit underline="always" style={{ overflowWrap: 'anywhere' }}>
            {sayWebhook(webhook)}
          </Anchor>
        </Group>
      }
      actions={<Actions event={event} />}
    >
      <Watch webhookId={webhook.id} eventId={id} onChange={() => ask({ requestPolicy: 'network-only' })} />
      <Failure error={error} title="The event can't be loaded again" />
      <Standing event={event} />
      <Attempts event={event} />
      <Content event={event} />
    </Page>
  );
}

/** Call back whenever the event changes. */
function Watch({ webhookId, eventId, onChange }: { webhookId: string; eventId: string; onChange: () => void }) {
  const { events, isLive } = useActivity({ webhookId });
  const change = events.find(({ id }) => id === eventId);
  useEffect(() => {
    // The first look may be older than the beginning of the stream.
    if (isLive || change) onChange();
  }, [isLive, change]);
  return null;
}
