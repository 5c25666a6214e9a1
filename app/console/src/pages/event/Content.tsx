import { Badge, Group, SegmentedControl, Stack, Table, Text } from '@mantine/core';
import { useQuery } from 'urql';

import { EventBeforeDocument } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Json } from '../../parts/Json';
import { Section } from '../../parts/Section';
import { useUrlState } from '../../parts/useUrlState';
import { When } from '../../parts/When';
import { Difference } from './Difference';
import type { Event } from './types';

const VIEWS = [
  { value: 'changed', label: 'What changed' },
  { value: 'body', label: 'Body' },
  { value: 'headers', label: 'Headers' },
] as const;

/** What was sent: the difference from the state before, the whole body, the headers. */
export function Content({ event }: { event: Event }) {
  const [{ view }, setState] = useUrlState(['view']);
  const shown = VIEWS.some(({ value }) => value === view) ? view : 'changed';
  return (
    <Section
      title="Content"
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Part of the content"
          data={[...VIEWS]}
          value={shown ?? 'changed'}
          onChange={(value) => setState({ view: value })}
        />
      }
    >
      {shown === 'body' && <Body event={event} />}
      {shown === 'headers' && <Headers event={event} />}
      {shown === 'changed' && <Changes event={event} />}
    </Section>
  );
}

function Body({ event }: { event: Event }) {
  if (!event.payload) {
    return <Empty title="There is no body">The query has given nothing for this event, or its payload is not kept any more.</Empty>;
  }
  const body = {
    id: event.id,
    event_name: event.eventName,
    type: `${event.webhook.type.toLowerCase()}.${event.eventName}`,
    timestamp: event.changedAt,
    sequence: Number(event.sequence),
    entity: { type: event.entityType, id: event.entityId },
    changed: event.changed,
    payload: event.payload,
    ...(event.previous ? { previous: event.previous } : {}),
  };
  return <Json value={body} label="Body" maxHeight={640} />;
}

function Headers({ event }: { event: Event }) {
  const own = Object.entries((event.webhook.headers ?? {}) as Record<string, string>);
  const rows: [string, string][] = [
    ['webhook-id', event.id],
    ['webhook-timestamp', 'the time of the attempt, in seconds'],
    ['webhook-signature', 'made anew for each attempt, with the secrets of that time'],
    ['Tellgraph-Sequence', event.sequence],
    ['Tellgraph-Attempt', 'the number of the attempt'],
    ...own,
  ];
  return (
    <Stack gap="xs">
      <Table.ScrollContainer minWidth={320}>
        <Table aria-label="Headers">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Header</Table.Th>
              <Table.Th>Value</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Td>{name}</Table.Td>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="sm" c="dimmed">
        Values of the webhook&apos;s own headers are masked. Signatures are not kept.
      </Text>
    </Stack>
  );
}

function Changes({ event }: { event: Event }) {
  const [{ data, fetching }] = useQuery({
    query: EventBeforeDocument,
    variables: { webhookId: event.webhook.id, entityId: event.entityId, until: event.createdAt },
    pause: event.previous != null,
  });
  const before = data?.webhookEvents.nodes[0];
  const former = event.previous ?? before?.payload ?? null;
  return (
    <Stack gap="sm">
      <Paths changed={event.changed} />
      {!fetching && event.payload != null && former !== null && (
        <Stack gap={6}>
          <Text size="sm" c="dimmed">
            Compared with the payload that was delivered before{before?.finishedAt ? ' ' : ''}
            {before?.finishedAt && <When at={before.finishedAt} />}
          </Text>
          <Difference before={pretty(former)} after={pretty(event.payload)} />
        </Stack>
      )}
      {!fetching && former === null && (
        <Text size="sm" c="dimmed">
          Nothing was delivered of this entity before, or it is not kept any more. “Body” shows what is sent.
        </Text>
      )}
    </Stack>
  );
}

type Changed = Readonly<Partial<Record<'added' | 'updated' | 'removed', readonly string[]>>>;
const KINDS = [
  ['added', 'green'],
  ['updated', 'blue'],
  ['removed', 'red'],
] as const;

function Paths({ changed }: { changed: unknown }) {
  const kinds = KINDS.filter(([kind]) => (changed as Changed)[kind]?.length);
  if (kinds.length === 0) {
    return <Text size="sm">No single field is named: the event tells of the whole entity.</Text>;
  }
  return (
    <Stack gap={6}>
      {kinds.map(([kind, color]) => (
        <Group key={kind} gap={6} wrap="nowrap" align="flex-start">
          <Text size="sm" w={70} style={{ flexShrink: 0 }}>
            {kind}
          </Text>
          <Group gap={6}>
            {(changed as Changed)[kind]?.map((path) => (
              <Badge key={path} color={color} variant="light" tt="none" radius="sm">
                {path}
              </Badge>
            ))}
          </Group>
        </Group>
      ))}
    </Stack>
  );
}

const pretty = (value: unknown) => JSON.stringify(value, null, 2);
