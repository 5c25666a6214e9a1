import { Anchor, Button, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { useMemo } from 'react';
import { Link, useNavigate } from 'react-router';
import { useQuery } from 'urql';

import { isOperator, mayDo, usePrincipal } from '../../api/usePrincipal';
import {
  WebhooksDocument,
  type WebhookFilters,
  type WebhookHealthEnum,
  type WebhookKlassEnum,
  type WebhooksQuery,
} from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { sayType, sayWebhook, webhookPath } from '../../parts/names';
import { Page } from '../../parts/Page';
import { Pager, usePaging } from '../../parts/Pager';
import { HealthBadge } from '../../parts/StateBadge';
import { useUrlState } from '../../parts/useUrlState';
import { When } from '../../parts/When';
import { Filters, FILTERS, listOf } from './Filters';

type Row = WebhooksQuery['webhooks']['nodes'][number];

const PAGE_SIZE = 50;
const ON_WIDE = '(min-width: 62em)';

export function Component() {
  const navigate = useNavigate();
  const principal = usePrincipal();
  const [values] = useUrlState(FILTERS);
  const paging = usePaging(PAGE_SIZE);
  const filters = useMemo(() => filtersOf(values), [values]);
  const withSeller = isOperator(principal) && mayDo(principal, 'READ');
  const [{ data, error, fetching }] = useQuery({
    query: WebhooksDocument,
    variables: { filters, ...paging, withSeller },
    pause: principal === null,
  });
  const rows = data?.webhooks.nodes ?? [];
  const isFiltered = Object.values(values).some(Boolean);
  const isNew = data !== undefined && rows.length === 0 && !isFiltered;
  const newWebhook = (
    <Button component={Link} to="/webhooks/new" leftSection={<IconPlus size={16} />}>
      New webhook
    </Button>
  );
  return (
    <Page title="Webhooks" about="Who is sent what, and whether it arrives." actions={newWebhook}>
      <Failure error={error} />
      {isNew ? (
        <Empty title="There are no webhooks yet">
          Press New webhook: pick what it is about, write the query whose result you want, and see it arrive.
        </Empty>
      ) : (
        <>
          <Filters />
          <div>
            <DataTable
              withTableBorder
              borderRadius="md"
              columns={columnsOf(withSeller)}
              records={rows}
              fetching={fetching && data === undefined}
              minHeight={rows.length === 0 ? 200 : undefined}
              noRecordsText="No webhook fits. Remove a filter."
              emptyState={rows.length > 0 ? <></> : undefined}
              highlightOnHover
              onRowClick={({ record }) => void navigate(webhookPath(record.id))}
            />
            <Pager pageInfo={data?.webhooks.pageInfo} total={data?.webhooks.totalCount} />
          </div>
        </>
      )}
    </Page>
  );
}

function filtersOf({ q, health, type, owner }: Record<(typeof FILTERS)[number], string | null>): WebhookFilters {
  return {
    ...(q && { search: q }),
    ...(health && { health: listOf(health) as WebhookHealthEnum[] }),
    ...(type && { types: listOf(type) as WebhookKlassEnum[] }),
    ...(owner === 'operator' && { isOperators: true }),
    ...(owner === 'sellers' && { isOperators: false }),
    ...(owner && owner !== 'operator' && owner !== 'sellers' && { sellerIds: [owner] }),
  };
}

function columnsOf(withSeller: boolean): DataTableColumn<Row>[] {
  return [
    { accessor: 'health', title: 'State', width: '0%', noWrap: true, render: ({ health }) => <HealthBadge health={health} /> },
    {
      accessor: 'description',
      title: 'Webhook',
      render: (webhook) => (
        <>
          <Anchor
            component={Link}
            to={webhookPath(webhook.id)}
            size="sm"
            fw={500}
            style={{ overflowWrap: 'anywhere' }}
            onClick={(click) => click.stopPropagation()}
          >
            {sayWebhook(webhook)}
          </Anchor>
          <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {webhook.url ?? 'Pulled by its receiver'}
          </Text>
          {webhook.healthReason && (
            <Text size="sm" lineClamp={2}>
              {webhook.healthReason}
            </Text>
          )}
        </>
      ),
    },
    {
      accessor: 'type',
      title: 'About',
      width: 210,
      visibleMediaQuery: ON_WIDE,
      render: ({ type, eventNames }) => (
        <>
          <Text size="sm">{sayType(type)}</Text>
          <Text size="sm" c="dimmed">
            {eventNames.map((event) => event.toLowerCase()).join(', ')}
          </Text>
        </>
      ),
    },
    {
      accessor: 'seller',
      title: 'Owner',
      width: 180,
      visibleMediaQuery: ON_WIDE,
      hidden: !withSeller,
      render: ({ seller }) => seller?.businessName ?? 'The operator',
    },
    {
      accessor: 'healthSince',
      title: 'Since',
      width: '0%',
      noWrap: true,
      visibleMediaQuery: ON_WIDE,
      render: ({ healthSince }) => <When at={healthSince} />,
    },
  ];
}
