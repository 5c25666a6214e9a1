import { Anchor, Stack, Text, Timeline } from '@mantine/core';
import { DataTable } from 'mantine-datatable';
import { Link } from 'react-router';
import { useQuery } from 'urql';

import { WebhookHistoryDocument, type OperationalEventKindEnum } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { eventPath } from '../../parts/names';
import { Section } from '../../parts/Section';
import { When } from '../../parts/When';

const KINDS: Record<OperationalEventKindEnum, string> = {
  DISABLED: 'Disabled',
  FAILING: 'Deliveries fail',
  EXHAUSTED: 'An event was given up',
  RECOVERED: 'Deliveries succeed again',
  PUBLISH_FAILED: 'A change could not be published',
};

/** What has happened to the webhook itself, and how many changes it was not told of. */
export function History({ id }: { id: string }) {
  const [{ data, error }] = useQuery({ query: WebhookHistoryDocument, variables: { id } });
  if (!data) return <Failure error={error} title="The history can't be shown" />;
  const skips = data.node?.__typename === 'Webhook' ? data.node.skips : [];
  const happened = data.operationalEvents.nodes;
  return (
    <Stack>
      <Section title="What happened to the webhook">
        {happened.length === 0 ? (
          <Empty title="Nothing has happened to it">Outages and recoveries will be listed here.</Empty>
        ) : (
          <Timeline bulletSize={16} lineWidth={2}>
            {happened.map(({ id: key, kind, reason, occurredAt, webhookEvent }) => (
              <Timeline.Item key={key} title={KINDS[kind]}>
                <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                  {reason}
                </Text>
                <Text size="sm" c="dimmed">
                  <When at={occurredAt} />
                </Text>
                {webhookEvent && (
                  <Anchor component={Link} to={eventPath(webhookEvent.id)} size="sm" underline="always">
                    See the event
                  </Anchor>
                )}
              </Timeline.Item>
            ))}
          </Timeline>
        )}
      </Section>
      <Section title="Changes it was not told of">
        {skips.length === 0 ? (
          <Empty title="None">Every change that it is about has made an event.</Empty>
        ) : (
          <DataTable
            idAccessor="reason"
            records={[...skips]}
            columns={[
              { accessor: 'reason', title: 'Why' },
              { accessor: 'count', title: 'Changes', textAlign: 'right' },
              { accessor: 'lastAt', title: 'Last', render: ({ lastAt }) => <When at={lastAt} size="sm" /> },
            ]}
          />
        )}
      </Section>
    </Stack>
  );
}
