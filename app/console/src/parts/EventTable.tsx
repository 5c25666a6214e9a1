import { Anchor, Text } from '@mantine/core';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { Link, useNavigate } from 'react-router';

import type { ActivityEventFragment } from '../gql/graphql';
import { eventPath, sayId, sayWebhook, webhookPath } from './names';
import { StateBadge } from './StateBadge';
import { When } from './When';

type Props = Readonly<{
  events: readonly ActivityEventFragment[];
  isLoading?: boolean;
  /** Whether the events may be of several webhooks, which are then named. */
  withWebhook?: boolean;
  /** What stands there while there are none. */
  empty: string;
}>;

const ON_WIDE = '(min-width: 48em)';

/** A list of webhook events. A click on one opens its page. */
export function EventTable({ events, isLoading = false, withWebhook = false, empty }: Props) {
  const navigate = useNavigate();
  const columns: DataTableColumn<ActivityEventFragment>[] = [
    { accessor: 'state', title: 'State', width: '0%', noWrap: true, render: ({ state }) => <StateBadge state={state} /> },
    {
      accessor: 'entityId',
      title: 'Change',
      noWrap: true,
      render: (event) => (
        <Anchor component={Link} to={eventPath(event.id)} size="sm" onClick={(click) => click.stopPropagation()}>
          {sayId(event.entityId)} {event.eventName}
        </Anchor>
      ),
    },
    ...(withWebhook ? [WEBHOOK] : []),
    {
      accessor: 'attemptCount',
      title: 'Attempts',
      width: '0%',
      noWrap: true,
      visibleMediaQuery: ON_WIDE,
      render: ({ attemptCount, lastStatus }) => (attemptCount === 0 ? '–' : `${attemptCount}${said(lastStatus)}`),
    },
    {
      accessor: 'dueAt',
      title: 'Next attempt',
      width: '0%',
      noWrap: true,
      visibleMediaQuery: ON_WIDE,
      render: ({ dueAt }) => <When at={dueAt} />,
    },
    { accessor: 'changedAt', title: 'Changed', width: '0%', noWrap: true, render: ({ changedAt }) => <When at={changedAt} /> },
  ];
  return (
    <DataTable
      columns={columns}
      records={[...events]}
      fetching={isLoading && events.length === 0}
      minHeight={events.length === 0 ? 150 : undefined}
      noRecordsText={empty}
      // Otherwise it stands there for screen readers among the events, too.
      emptyState={events.length > 0 ? <></> : undefined}
      highlightOnHover
      onRowClick={({ record }) => void navigate(eventPath(record.id))}
    />
  );
}

const said = (status: number | null | undefined) => (status ? `, last ${status}` : '');

const WEBHOOK: DataTableColumn<ActivityEventFragment> = {
  accessor: 'webhook',
  title: 'Webhook',
  ellipsis: true,
  visibleMediaQuery: ON_WIDE,
  render: ({ webhook }) => (
    <Anchor component={Link} to={webhookPath(webhook.id)} size="sm" onClick={(click) => click.stopPropagation()}>
      <Text span inherit truncate>
        {sayWebhook(webhook)}
      </Text>
    </Anchor>
  ),
};
