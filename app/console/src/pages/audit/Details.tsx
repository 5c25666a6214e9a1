import { Anchor, Code, Group, Stack, Table, Text } from '@mantine/core';
import { Link } from 'react-router';

import type { AuditRowFragment } from '../../gql/graphql';
import { Only } from './Only';

type Change = Readonly<{ field: string; old?: unknown; new?: unknown }>;

const PAGES: Readonly<Record<string, string>> = { Webhook: 'webhooks', WebhookEvent: 'events' };

/** All that is known of one change: what was asked, what it was before, and where it came from. */
export function Details({ entry }: { entry: AuditRowFragment }) {
  const changes = entry.changes as readonly Change[];
  return (
    <Stack gap="sm" p="md">
      {entry.fields.length > 0 && (
        <Group gap={6}>
          <Text size="sm">Asked with</Text>
          {entry.fields.map((field) => (
            <Code key={field}>{field}</Code>
          ))}
        </Group>
      )}
      {changes.length > 0 && <Changes changes={changes} />}
      {entry.entityId && <Place label={entry.entityType ?? 'Object'} filter="entity" value={entry.entityId} type={entry.entityType} />}
      {entry.requestId && <Place label="Request" filter="request" value={entry.requestId} />}
      {entry.address && (
        <Text size="sm">
          From the address <Code>{entry.address}</Code>
        </Text>
      )}
    </Stack>
  );
}

type PlaceProps = Readonly<{ label: string; filter: 'entity' | 'request'; value: string; type?: string | null }>;

function Place({ label, filter, value, type }: PlaceProps) {
  const page = type ? PAGES[type] : undefined;
  return (
    <Text size="sm" component="div">
      {label} <Code style={{ overflowWrap: 'anywhere' }}>{value}</Code>{' '}
      <Only filter={filter} value={value}>
        Show only this
      </Only>
      {page && (
        <>
          {' · '}
          <Anchor component={Link} to={`/${page}/${encodeURIComponent(value)}`} size="sm">
            Open
          </Anchor>
        </>
      )}
    </Text>
  );
}

function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table aria-label="Settings that have changed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Setting</Table.Th>
            <Table.Th>Before</Table.Th>
            <Table.Th>After</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {changes.map((change) => (
            <Table.Tr key={change.field}>
              <Table.Td>
                <Code>{change.field}</Code>
              </Table.Td>
              <Table.Td>
                <Value of={change} side="old" />
              </Table.Td>
              <Table.Td>
                <Value of={change} side="new" />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Header values and secrets are no part of the audit trail: the API names only their field. */
function Value({ of: change, side }: { of: Change; side: 'old' | 'new' }) {
  if (!(side in change)) {
    return (
      <Text size="sm" c="dimmed">
        never recorded
      </Text>
    );
  }
  const value = change[side];
  if (value === null) return '–';
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1);
  return <Code style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{text}</Code>;
}
