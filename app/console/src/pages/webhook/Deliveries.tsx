import { Anchor, Badge, Group, MultiSelect, Text } from '@mantine/core';
import { DataTable } from 'mantine-datatable';
import { useEffect, useMemo } from 'react';
import { Link } from 'react-router';
import { useQuery } from 'urql';

import { useActivity } from '../../api/useActivity';
import {
  WebhookDeliveriesDocument,
  type ActivityEventFragment,
  type WebhookDetailsFragment,
  type WebhookEventStateEnum,
} from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Pager, usePaging } from '../../parts/Pager';
import { STATE_OPTIONS, StateBadge } from '../../parts/StateBadge';
import { useUrlState } from '../../parts/useUrlState';
import { When } from '../../parts/When';

const PAGE_SIZE = 25;

/** The events of a webhook, newest first. The first page follows what happens. */
export function Deliveries({ webhook, onChange }: { webhook: WebhookDetailsFragment; onChange: () => void }) {
  const [{ state }, setState] = useUrlState(['state']);
  const states = useMemo(() => (state ? (state.split(',') as WebhookEventStateEnum[]) : undefined), [state]);
  const paging = usePaging(PAGE_SIZE);
  const [{ data, error, fetching }] = useQuery({
    query: WebhookDeliveriesDocument,
    variables: { id: webhook.id, filters: states && { states }, ...paging },
  });
  const { events: live, isLive } = useActivity({ webhookId: webhook.id, limit: PAGE_SIZE });
  const outcomes = live.filter(({ finishedAt, state: now }) => finishedAt !== null || now === 'RETRYING').length;
  // Outcomes decide the webhook's health.
  useEffect(() => {
    if (outcomes > 0) onChange();
  }, [live]);
  const isFirstPage = !paging.after && !paging.before;
  const rows = merged(data?.webhookEvents.nodes ?? [], live, isFirstPage, states);
  return (
    <>
      <Group mb="sm" gap="sm" align="flex-end">
        <MultiSelect
          label="States"
          placeholder={states ? undefined : 'All'}
          data={STATE_OPTIONS}
          value={states ?? []}
          onChange={(chosen) => setState({ state: chosen.join(',') || null })}
          clearable
          searchable
          w={{ base: '100%', sm: 360 }}
        />
        <Badge color={isLive ? 'green' : 'gray'} variant="dot" tt="none" mb={8} role="status">
          {isLive ? 'Live' : 'Not connected'}
        </Badge>
      </Group>
      <Failure error={error} title="The deliveries can't be shown" />
      <DataTable<ActivityEventFragment>
        minHeight={160}
        fetching={fetching && !data}
        records={rows}
        noRecordsText=""
        emptyState={
          <Empty title={states ? 'No event is in these states' : 'Nothing has been sent yet'}>
            {states
              ? 'Choose other states to see more.'
              : 'Events appear here as soon as something changes. “Test” sends one at once.'}
          </Empty>
        }
        columns={[
          {
            accessor: 'entityType',
            title: 'Event',
            render: ({ id, entityType, eventName }) => (
              <Anchor component={Link} to={`/events/${id}`} size="sm" underline="always">
                {entityType} {eventName}
              </Anchor>
            ),
          },
          { accessor: 'state', title: 'State', width: 130, render: ({ state: now }) => <StateBadge state={now} /> },
          {
            accessor: 'lastStatus',
            title: 'Answer',
            visibleMediaQuery: '(min-width: 48em)',
            render: ({ lastStatus, attemptCount }) => (
              <Text size="sm">
                {lastStatus ?? '–'}
                {attemptCount > 1 ? `, ${attemptCount} attempts` : ''}
              </Text>
            ),
          },
          {
            accessor: 'dueAt',
            title: 'Next attempt',
            visibleMediaQuery: '(min-width: 62em)',
            render: ({ dueAt, state: now }) => <When at={now === 'RETRYING' ? dueAt : null} size="sm" />,
          },
          { accessor: 'createdAt', title: 'Made', render: ({ createdAt }) => <When at={createdAt} size="sm" /> },
        ]}
      />
      <Pager pageInfo={data?.webhookEvents.pageInfo} />
    </>
  );
}

/** Put what has changed meanwhile into a page. New events come first, on the first page alone. */
function merged(
  page: readonly ActivityEventFragment[],
  live: readonly ActivityEventFragment[],
  isFirstPage: boolean,
  states: readonly WebhookEventStateEnum[] | undefined,
): ActivityEventFragment[] {
  const changed = new Map(live.map((event) => [event.id, event]));
  const known = new Set(page.map(({ id }) => id));
  const newest = page[0]?.createdAt ?? '';
  const added = isFirstPage ? live.filter(({ id, createdAt }) => !known.has(id) && createdAt >= newest) : [];
  return [...added, ...page.map((event) => changed.get(event.id) ?? event)]
    .filter((event) => !states || states.includes(event.state))
    .sort((one, other) => other.createdAt.localeCompare(one.createdAt));
}
