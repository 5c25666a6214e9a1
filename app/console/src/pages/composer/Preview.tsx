import { Alert, Badge, Code, Group, List, Loader, Select, Spoiler, Stack, Text } from '@mantine/core';
import { useEffect } from 'react';

import type { WebhookKlassEnum } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Json } from '../../parts/Json';
import { Section } from '../../parts/Section';
import { When } from '../../parts/When';
import { TYPES } from './draft';
import type { DryRun, Trial } from './useDryRun';
import { useRecent } from './useRecent';

type Props = Readonly<{
  type: WebhookKlassEnum;
  /** The seller whose webhook it would be; null: the key's owner. */
  sellerId: string | null;
  trial: Trial;
  entityId: string | null;
  onEntity: (id: string | null) => void;
}>;

/** What would be sent for a real entity: the payload, and what there is to know about it. */
export function Preview({ type, sellerId, trial, entityId, onEntity }: Props) {
  const { entities, error, isFetching } = useRecent(type);
  const isListed = entities.some(({ value }) => value === entityId);
  const newest = entities[0]?.value ?? null;
  useEffect(() => {
    if (!isListed && !isFetching) onEntity(newest);
  }, [isListed, isFetching, newest, onEntity]);
  return (
    <Section
      title="What would be sent"
      actions={trial.isRunning && entityId ? <Loader size="xs" aria-label="Trying the query" /> : undefined}
    >
      <Stack gap="sm">
        <Failure error={error ?? trial.error} />
        {entities.length > 0 ? (
          <Select
            label="Try it on"
            data={entities}
            value={isListed ? entityId : null}
            allowDeselect={false}
            searchable
            onChange={onEntity}
          />
        ) : (
          !isFetching &&
          !error && (
            <Empty title={`There are no ${TYPES[type].toLowerCase()} yet`}>
              As soon as there is one, its payload is shown here. You can create the webhook all the same.
            </Empty>
          )
        )}
        {trial.run && entityId && <Result run={trial.run} isOfSeller={sellerId !== null} />}
      </Stack>
    </Section>
  );
}

function Result({ run, isOfSeller }: { run: DryRun; isOfSeller: boolean }) {
  const others = run.errors.filter(({ field }) => !/^(queryString|filter|triggers)/.test(field));
  if (isOfSeller && others.some(({ field }) => field === 'id')) {
    return (
      <Text size="sm" c="dimmed" role="status">
        The seller does not see this one. Choose another one to try it on.
      </Text>
    );
  }
  if (run.errors.length > 0) {
    return others.length > 0 ? (
      <Failure refusals={others} />
    ) : (
      <Text size="sm" c="dimmed" role="status">
        Correct what is marked, and the payload is shown here again.
      </Text>
    );
  }
  return (
    <Stack gap="sm">
      {run.excess && (
        <Alert color="red" title="The payload is too large to be sent">
          {run.excess}
        </Alert>
      )}
      {run.payload && <Json label="Payload" value={JSON.parse(run.payload)} maxHeight={300} />}
      <Group gap="xs" role="status">
        <Badge variant="light" tt="none" color="gray">{`${(run.bytes ?? 0).toLocaleString('en')} bytes`}</Badge>
        <Badge variant="light" tt="none" color="gray">{`Cost ${(run.cost ?? 0).toLocaleString('en')}`}</Badge>
        {run.payload?.includes('"errors":') && JSON.parse(run.payload).errors && (
          <Badge variant="light" tt="none" color="red">
            The payload has errors
          </Badge>
        )}
      </Group>
      {run.warnings.length > 0 && (
        <Alert color="yellow" title="This can be saved, but is it meant?">
          <List size="sm" listStyleType="none">
            {run.warnings.flatMap(({ messages }) => messages).map((message) => (
              <List.Item key={message}>{message}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      <LastChange run={run} />
      {(run.watchedFields?.length ?? 0) > 0 && (
        <Stack gap={4}>
          <Text size="sm" fw={600}>
            Updates of these fields count
          </Text>
          <Spoiler maxHeight={72} showLabel="Show all" hideLabel="Show fewer">
            <Group gap={4}>
              {run.watchedFields?.map((field) => (
                <Code key={field} style={{ overflowWrap: 'anywhere' }}>
                  {field}
                </Code>
              ))}
            </Group>
          </Spoiler>
        </Stack>
      )}
    </Stack>
  );
}

type Changed = Readonly<Record<'added' | 'updated' | 'removed', readonly string[]>>;

function LastChange({ run: { lastChange } }: { run: DryRun }) {
  if (!lastChange) return null;
  const { added, updated, removed } = lastChange.changed as Changed;
  // Without the ids of rows: `lineItems.quantity`.
  const paths = [...new Set([...added, ...updated, ...removed].map((path) => path.replaceAll(/\[[^\]]*\]/g, '')))];
  return (
    <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
      Its last change (<When at={lastChange.recordedAt} />, {lastChange.operation.toLowerCase()}
      {paths.length > 0 && ` of ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ' …' : ''}`}){' '}
      <Text span inherit fw={700}>
        {lastChange.isSent ? 'would have been sent' : 'would not have been sent'}
      </Text>
      {lastChange.reason ? `: ${lastChange.reason}` : '.'}
    </Text>
  );
}
