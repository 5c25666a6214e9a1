import { ActionIcon, Stack, Text, VisuallyHidden } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconHistory } from '@tabler/icons-react';
import { DataTable } from 'mantine-datatable';
import { useState } from 'react';
import { useQuery } from 'urql';

import { isOperator, usePrincipal } from '../../api/usePrincipal';
import { AuditTrailDocument, type AuditRowFragment } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Page } from '../../parts/Page';
import { Pager, usePaging } from '../../parts/Pager';
import { useUrlState } from '../../parts/useUrlState';
import { When } from '../../parts/When';
import { Details } from './Details';
import { FilterBar } from './FilterBar';
import { FILTERS, toInput } from './filters';
import { Only } from './Only';

/** Who has changed what, the newest first. */
export function Component() {
  const principal = usePrincipal();
  const [filters, setFilters] = useUrlState(FILTERS);
  const paging = usePaging(50);
  const [{ data, error, fetching }] = useQuery({
    query: AuditTrailDocument,
    variables: { filters: toInput(filters), ...paging },
  });
  const entries = data?.auditEntries.nodes ?? [];
  const isFiltered = FILTERS.some((name) => filters[name]);
  const about = isOperator(principal)
    ? 'Who has changed what, the newest first. It was recorded in the transaction of the change.'
    : 'What your API keys have changed, and what Tellgraph has changed in your webhooks, the newest first.';
  return (
    <Page title="Audit" about={about}>
      <FilterBar filters={filters} onChange={setFilters} />
      <Failure error={error} />
      {data && entries.length === 0 ? (
        <Empty title={isFiltered ? 'No change is like that' : 'Nothing has been changed yet'} icon={IconHistory}>
          {isFiltered ? 'Remove a filter to see others.' : 'Each mutation and each command leaves an entry here.'}
        </Empty>
      ) : (
        <Entries entries={[...entries]} isLoading={fetching && !data} />
      )}
      <Pager pageInfo={data?.auditEntries.pageInfo} />
    </Page>
  );
}

function Entries({ entries, isLoading }: { entries: AuditRowFragment[]; isLoading: boolean }) {
  const [openIds, setOpenIds] = useState<string[]>([]);
  const toggle = (id: string) =>
    setOpenIds((ids) => (ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]));
  return (
    <DataTable
      records={entries}
      idAccessor="id"
      fetching={isLoading}
      minHeight={160}
      verticalSpacing="sm"
      columns={[
        {
          accessor: 'details',
          title: <VisuallyHidden>Details</VisuallyHidden>,
          width: 44,
          render: ({ id, action }) => <Toggle isOpen={openIds.includes(id)} of={action} onClick={() => toggle(id)} />,
        },
        { accessor: 'recordedAt', title: 'When', noWrap: true, render: ({ recordedAt }) => <When at={recordedAt} /> },
        { accessor: 'actor', title: 'Who', render: (entry) => <Who entry={entry} /> },
        { accessor: 'action', title: 'What', noWrap: true, render: ({ action }) => <Only filter="action" value={action} label={`Only ${action}`}>{action}</Only> },
        { accessor: 'entityType', title: 'Of', render: ({ entityType }) => entityType ?? '–' },
        { accessor: 'fields', title: 'Given', render: (entry) => <Given entry={entry} /> },
      ]}
      rowExpansion={{
        trigger: 'never',
        expanded: { recordIds: openIds, onRecordIdsChange: setOpenIds },
        content: ({ record }) => <Details entry={record} />,
      }}
    />
  );
}

function Toggle({ isOpen, of: action, onClick }: { isOpen: boolean; of: string; onClick: () => void }) {
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <ActionIcon variant="subtle" color="gray" onClick={onClick} aria-expanded={isOpen} aria-label={`Details of ${action}`}>
      <Chevron size={16} />
    </ActionIcon>
  );
}

function Who({ entry }: { entry: AuditRowFragment }) {
  const { actor, apiKeyId, apiKeyName, seller } = entry;
  return (
    <Stack gap={2}>
      <Text size="sm">{nameOf(actor, seller?.businessName)}</Text>
      {apiKeyId && apiKeyName && (
        <Only filter="key" value={apiKeyId} label={`Only the key ${apiKeyName}`}>
          {apiKeyName}
        </Only>
      )}
    </Stack>
  );
}

function nameOf(actor: string, seller: string | undefined): string {
  if (actor.startsWith('seller:')) return seller ?? actor;
  return { operator: 'The operator', 'command line': 'The command line', tellgraph: 'Tellgraph', database: 'SQL in the database' }[actor] ?? actor;
}

function Given({ entry: { fields, changes } }: { entry: AuditRowFragment }) {
  const names = fields.length > 0 ? fields : (changes as { field: string }[]).map(({ field }) => field);
  return (
    <Text size="sm" c="dimmed" lineClamp={1} style={{ overflowWrap: 'anywhere' }}>
      {names.join(', ') || '–'}
    </Text>
  );
}
