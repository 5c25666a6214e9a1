import { MultiSelect, NumberInput, Stack, Switch, Text, TextInput } from '@mantine/core';
import { IconArrowsDiff, IconDatabaseExport, IconRefresh } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';

import { useAction } from '../../api/useAction';
import {
  StartBackfillDocument,
  StartReconcileDocument,
  StartReplayDocument,
  type WebhookEventStateEnum,
} from '../../gql/graphql';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { STATE_OPTIONS } from '../../parts/StateBadge';

type Props = Readonly<{ webhookId: string }>;

const REPLAYED: readonly WebhookEventStateEnum[] = ['FAILED', 'CANCELLED', 'SUPERSEDED', 'RENDER_FAILED', 'DELIVERED'];

/** Ask which events are sent again, and start it. */
export function StartReplay({ webhookId }: Props) {
  const start = useAction(StartReplayDocument, 'The replay has begun.');
  const [states, setStates] = useState<WebhookEventStateEnum[]>(['FAILED']);
  const [since, setSince] = useState('');
  return (
    <ConfirmButton
      leftSection={<IconRefresh size={16} />}
      question="Send events again?"
      consequence={
        <Stack gap="sm">
          <Text size="sm">The receiver gets each of these events once more, with the same id and the same body.</Text>
          <MultiSelect
            label="In these states"
            data={STATE_OPTIONS.filter(({ value }) => REPLAYED.includes(value))}
            value={states}
            onChange={(chosen) => setStates(chosen as WebhookEventStateEnum[])}
          />
          <TimeInput label="Made since" value={since} onChange={setSince} />
        </Stack>
      }
      confirm="Start the replay"
      onConfirm={() => start({ input: { webhookId, states, createdSince: timeOf(since) } })}
    >
      Replay
    </ConfirmButton>
  );
}

/** Ask of which entities the present state is sent, and start it. */
export function StartBackfill({ webhookId }: Props) {
  const start = useAction(StartBackfillDocument, 'The backfill has begun.');
  const [since, setSince] = useState('');
  const [rate, setRate] = useState(10);
  const [force, setForce] = useState(false);
  return (
    <ConfirmButton
      leftSection={<IconDatabaseExport size={16} />}
      question="Send the present state of everything?"
      consequence={
        <Stack gap="sm">
          <Text size="sm">The receiver gets an event for each entity that the webhook&apos;s owner sees.</Text>
          <TimeInput label="Only entities changed since" value={since} onChange={setSince} />
          <Rate value={rate} onChange={setRate} />
          <Switch
            label="Also send what equals the last delivery"
            checked={force}
            onChange={({ currentTarget }) => setForce(currentTarget.checked)}
          />
        </Stack>
      }
      confirm="Start the backfill"
      onConfirm={() => start({ input: { webhookId, updatedSince: timeOf(since), ratePerSecond: rate, force } })}
    >
      Backfill
    </ConfirmButton>
  );
}

/** Start a comparison of what the receiver was given with the present state. */
export function StartReconcile({ webhookId }: Props) {
  const start = useAction(StartReconcileDocument, 'The comparison has begun.');
  const [rate, setRate] = useState(500);
  return (
    <ConfirmButton
      leftSection={<IconArrowsDiff size={16} />}
      question="Compare with the present state?"
      consequence={
        <Stack gap="sm">
          <Text size="sm">
            Everything is rendered anew and compared with what the receiver was given. Only what differs is sent, with a
            destroy for what is gone.
          </Text>
          <Rate value={rate} onChange={setRate} />
        </Stack>
      }
      confirm="Start the comparison"
      onConfirm={() => start({ input: { webhookId, ratePerSecond: rate } })}
    >
      Compare
    </ConfirmButton>
  );
}

function Rate({ value, onChange }: { value: number; onChange: (value: number) => void }): ReactNode {
  return (
    <NumberInput
      label="Entities per second"
      min={1}
      max={500}
      allowDecimal={false}
      value={value}
      onChange={(given) => onChange(Number(given))}
    />
  );
}

type TimeProps = Readonly<{ label: string; value: string; onChange: (value: string) => void }>;

function TimeInput({ label, value, onChange }: TimeProps) {
  return (
    <TextInput
      type="datetime-local"
      label={label}
      description="In your time zone. Empty: however long ago."
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

const timeOf = (local: string) => (local ? new Date(local).toISOString() : undefined);
