import { Badge, Stack, Text } from '@mantine/core';
import { DataTable } from 'mantine-datatable';

import type { AttemptFragment } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Json } from '../../parts/Json';
import { Section } from '../../parts/Section';
import { When } from '../../parts/When';
import type { Event } from './types';

/** The attempts, the last one first, each with the receiver's answer. */
export function Attempts({ event }: { event: Event }) {
  const attempts = [...event.attempts].reverse();
  const last = attempts[0];
  if (!last) {
    return (
      <Section title="Attempts">
        <Empty title="Nothing has been sent yet">Each attempt and its answer will be listed here.</Empty>
      </Section>
    );
  }
  return (
    <Section title="Attempts">
      <DataTable<AttemptFragment>
        withTableBorder={false}
        records={attempts}
        rowExpansion={{
          allowMultiple: true,
          initiallyExpanded: ({ record }) => record.id === last.id,
          content: ({ record }) => <Answer attempt={record} />,
        }}
        columns={[
          { accessor: 'number', title: 'No.', width: 60 },
          { accessor: 'startedAt', title: 'Begun', render: ({ startedAt }) => <When at={startedAt} /> },
          { accessor: 'outcome', title: 'Outcome', render: (attempt) => <AttemptOutcome attempt={attempt} /> },
          {
            accessor: 'durationMs',
            title: 'Took',
            textAlign: 'right',
            render: ({ durationMs }) => (durationMs == null ? '–' : `${durationMs.toLocaleString('en')} ms`),
          },
        ]}
      />
    </Section>
  );
}

/** How an attempt ended, in a word. */
export function AttemptOutcome({ attempt }: { attempt: Pick<AttemptFragment, 'status' | 'errorKind' | 'finishedAt'> }) {
  const { status, errorKind, finishedAt } = attempt;
  const isOk = status != null && status >= 200 && status < 300;
  if (!finishedAt) return <Badge color="blue" variant="light" tt="none">In flight</Badge>;
  return (
    <Badge color={isOk ? 'green' : 'red'} variant="light" tt="none">
      {status ?? errorKind ?? 'No answer'}
    </Badge>
  );
}

function Answer({ attempt }: { attempt: AttemptFragment }) {
  return (
    <Stack gap="xs" p="sm">
      {attempt.error && (
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {attempt.error}
        </Text>
      )}
      {attempt.apiKeyName && (
        <Text size="sm">
          Taken with the API key “{attempt.apiKeyName}”{attempt.address ? ` from ${attempt.address}` : ''}.
        </Text>
      )}
      {attempt.responseBody ? (
        <Json value={attempt.responseBody} label={`Answer of attempt ${attempt.number}`} maxHeight={240} />
      ) : (
        <Text size="sm" c="dimmed">
          {attempt.finishedAt ? 'The answer had no body.' : 'There is no answer yet.'}
        </Text>
      )}
    </Stack>
  );
}
