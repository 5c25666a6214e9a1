import { Box, Group, MultiSelect } from '@mantine/core';
import { useEffect, useMemo } from 'react';
import { useQuery } from 'urql';

import { useActivity } from '../../api/useActivity';
import {
  WebhookDeliveriesDocument,
  type ActivityEventFragment,
  type WebhookDetailsFragment,
  type WebhookEventStateEnum,
} from '../../gql/graphql';
import { EventTable } from '../../parts/EventTable';
import { Failure } from '../../parts/Failure';
import { Live } from '../../parts/Live';
import { Pager, usePaging } from '../../parts/Pager';
import { STATE_OPTIONS } from '../../parts/StateBadge';
import { useUrlState } from '../../parts/useUrlState';

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
  // Outcomes decide the webhook's health. A hundred of the same kind a second ask for it once.
  const outcome = live.find(({ finishedAt, state: now }) => finishedAt !== null || now === 'RETRYING');
  const outcomeKey = outcome && `${outcome.state} ${outcome.lastStatus}`;
  useEffect(() => {
    if (outcomeKey) onChange();
  }, [outcomeKey]);
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
        <Box mb={6}>
          <Live isLive={isLive} />
        </Box>
      </Group>
      <Failure error={error} title="The deliveries can't be shown" />
      <EventTable
        events={rows}
        isLoading={fetching && !data}
        empty={
          states
            ? 'No event is in these states.'
            : 'Nothing has been sent yet. Events appear here as soon as something changes; “Test” sends one at once.'
        }
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
