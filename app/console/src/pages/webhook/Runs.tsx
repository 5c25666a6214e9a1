import { Anchor, Group, Progress, Stack, Text } from '@mantine/core';
import { useEffect, useMemo } from 'react';
import { useQuery } from 'urql';

import { useAction } from '../../api/useAction';
import {
  CancelBackfillDocument,
  CancelReconcileDocument,
  CancelReplayDocument,
  WebhookRunsDocument,
  type BackfillRunFragment,
  type ReconcileRunFragment,
  type ReplayRunFragment,
  type WebhookDetailsFragment,
} from '../../gql/graphql';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Section } from '../../parts/Section';
import { When } from '../../parts/When';
import { StartBackfill, StartReconcile, StartReplay } from './StartRun';

type Run = ReplayRunFragment | BackfillRunFragment | ReconcileRunFragment;

/** While something runs, its progress is asked for so often. */
const EVERY_MS = 2_000;

/** Replays, backfills and comparisons: start one, see how far it is, cancel it. */
export function Runs({ webhook }: { webhook: WebhookDetailsFragment }) {
  const [{ data, error }, ask] = useQuery({
    query: WebhookRunsDocument,
    variables: { id: webhook.id },
    // Asked for anew when one was started, also if there was none before.
    context: useMemo(() => ({ additionalTypenames: ['WebhookReplay', 'WebhookBackfill', 'WebhookReconcile'] }), []),
  });
  const found = data?.node?.__typename === 'Webhook' ? data.node : null;
  const runs: Run[] = found
    ? [...found.replays.nodes, ...found.backfills.nodes, ...found.reconciles.nodes].sort((one, other) =>
        other.createdAt.localeCompare(one.createdAt),
      )
    : [];
  const isRunning = runs.some(isUnfinished);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => ask({ requestPolicy: 'network-only' }), EVERY_MS);
    return () => clearInterval(timer);
  }, [isRunning, ask]);
  return (
    <Stack>
      {!webhook.deletedAt && (
        <Section title="Start">
          <Group gap="sm">
            <StartReplay webhookId={webhook.id} />
            <StartBackfill webhookId={webhook.id} />
            <StartReconcile webhookId={webhook.id} />
          </Group>
          <Text size="sm" c="dimmed" mt="sm">
            {webhook.inSyncAsOf ? (
              <>
                The receiver has confirmed the state of everything as of <When at={webhook.inSyncAsOf} />.
              </>
            ) : (
              'It is not known as of when the receiver has everything: “Compare” finds out.'
            )}{' '}
            <Anchor href="/docs/receivers-guide#compare-your-copy" size="sm" underline="always">
              Read more
            </Anchor>
          </Text>
        </Section>
      )}
      <Section title="What was started">
        <Failure error={error} title="The list can't be shown" />
        {found && runs.length === 0 && (
          <Empty title="Nothing was started yet">
            A replay sends events again. A backfill sends the present state. A comparison sends only what differs.
          </Empty>
        )}
        <Stack gap="md">
          {runs.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </Stack>
      </Section>
    </Stack>
  );
}

const isUnfinished = (run: Run) => run.state === 'RUNNING';

function RunRow({ run }: { run: Run }) {
  const percent = run.total ? (100 * run.done) / run.total : run.state === 'RUNNING' ? 0 : 100;
  const label = `${TITLES[run.__typename]}: ${progressOf(run)}`;
  return (
    <Stack gap={4} role="group" aria-label={TITLES[run.__typename]}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={500}>
          {label}
        </Text>
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            <When at={run.createdAt} />
          </Text>
          {isUnfinished(run) && <CancelRun run={run} />}
        </Group>
      </Group>
      <Progress value={percent} color={COLORS[run.state]} animated={isUnfinished(run)} aria-label={label} />
      {run.reason && (
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {run.reason}
        </Text>
      )}
    </Stack>
  );
}

const TITLES: Record<Run['__typename'], string> = {
  WebhookReplay: 'Replay',
  WebhookBackfill: 'Backfill',
  WebhookReconcile: 'Comparison',
};
const COLORS: Record<Run['state'], string> = { RUNNING: 'blue', DONE: 'green', CANCELLED: 'gray', FAILED: 'red' };
const STATES: Record<Run['state'], string> = {
  RUNNING: 'running',
  DONE: 'done',
  CANCELLED: 'cancelled',
  FAILED: 'failed',
};

function progressOf(run: Run): string {
  const count = run.total == null ? 'not counted yet' : `${run.done.toLocaleString('en')} of ${run.total.toLocaleString('en')}`;
  return [STATES[run.state], count, ...detailsOf(run)].join(', ');
}

function detailsOf(run: Run): string[] {
  if (run.__typename === 'WebhookBackfill') return [`${run.skipped.toLocaleString('en')} with nothing new`];
  if (run.__typename === 'WebhookReconcile') {
    return [`${run.sent.toLocaleString('en')} sent`, ...(run.failed ? [`${run.failed} failed`] : [])];
  }
  return [run.states.join(', ').toLowerCase()];
}

function CancelRun({ run }: { run: Run }) {
  const cancelReplay = useAction(CancelReplayDocument);
  const cancelBackfill = useAction(CancelBackfillDocument);
  const cancelReconcile = useAction(CancelReconcileDocument);
  const cancel = {
    WebhookReplay: cancelReplay,
    WebhookBackfill: cancelBackfill,
    WebhookReconcile: cancelReconcile,
  }[run.__typename];
  return (
    <ConfirmButton
      size="compact-sm"
      question={`Cancel this ${TITLES[run.__typename].toLowerCase()}?`}
      consequence="It goes no further. Events that it has made already are still sent."
      confirm="Cancel it"
      onConfirm={() => cancel({ id: run.id })}
    >
      Cancel
    </ConfirmButton>
  );
}
