import { Button, Grid, Group, Stack, Text } from '@mantine/core';
import { useCallback, useState, type ComponentProps } from 'react';
import { useNavigate } from 'react-router';

import { useAction, type Outcome } from '../../api/useAction';
import { ComposerCreateDocument, ComposerUpdateDocument, type RecipeFragment } from '../../gql/graphql';
import { Failure } from '../../parts/Failure';
import { Page } from '../../parts/Page';
import { Section } from '../../parts/Section';
import { Beginning } from './Beginning';
import { Created } from './Created';
import { Destination } from './Destination';
import { attributesOf, changesOf, type Change, type Draft } from './draft';
import { Narrowing } from './Narrowing';
import { Preview } from './Preview';
import { QueryField } from './QueryField';
import { useDryRun } from './useDryRun';

type Props = Readonly<{
  title: string;
  recipes: readonly RecipeFragment[];
  initial: Draft;
  /** The webhook that is changed; null for a new one. */
  webhookId: string | null;
}>;

type Made = Pick<ComponentProps<typeof Created>, 'webhookId' | 'secret' | 'warnings'>;

export function Composer({ title, recipes, initial, webhookId }: Props) {
  const [draft, setDraft] = useState(initial);
  const [made, setMade] = useState<Made | null>(null);
  const [entityId, setEntityId] = useState<string | null>(null);
  const change: Change = useCallback((changed) => setDraft((before) => ({ ...before, ...changed })), []);
  const trial = useDryRun(draft, entityId);
  if (made) return <Created {...made} draft={draft} entityId={entityId} onAgain={() => setMade(null)} />;
  return (
    <Page
      title={title}
      about="Choose the changes, select the fields, and see what would be sent. Nothing is sent before you create it."
    >
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack gap="lg">
            <Section title="1. The changes">
              <Beginning draft={draft} recipes={recipes} onReplace={setDraft} onChange={change} isStored={!!webhookId} />
            </Section>
            <Section title="2. The query">
              <QueryField draft={draft} onChange={change} problems={trial.problemsOf('queryString')} />
            </Section>
            <Section title="3. Only what matters">
              <Narrowing draft={draft} onChange={change} trial={trial} />
            </Section>
            {!webhookId && (
              <Section title="4. The receiver">
                <Destination draft={draft} onChange={change} />
              </Section>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack gap="lg" style={{ position: 'sticky', top: 76 }}>
            {/* Another type has other entities: those of the former one are forgotten. */}
            <Preview
              key={draft.type}
              type={draft.type}
              sellerId={draft.sellerId}
              trial={trial}
              entityId={entityId}
              onEntity={setEntityId}
            />
            <Finish draft={draft} webhookId={webhookId} onMade={setMade} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Finish({ draft, webhookId, onMade }: { draft: Draft; webhookId: string | null; onMade: (made: Made) => void }) {
  const navigate = useNavigate();
  const create = useAction(ComposerCreateDocument);
  const update = useAction(ComposerUpdateDocument, 'The webhook is changed.');
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isRunning, setRunning] = useState(false);
  const finish = async () => {
    setRunning(true);
    if (webhookId) {
      const result = await update({ webhookId, attributes: changesOf(draft) });
      setOutcome(result);
      const warnings = result.data?.webhookUpdate?.warnings;
      if (result.isOk) void navigate(`/webhooks/${encodeURIComponent(webhookId)}`, { state: { warnings } });
    } else {
      const result = await create({ attributes: attributesOf(draft) });
      const payload = result.data?.webhookCreate;
      setOutcome(result);
      if (result.isOk && payload?.webhook) {
        onMade({ webhookId: payload.webhook.id, secret: payload.hmacKey ?? null, warnings: payload.warnings });
      }
    }
    setRunning(false);
  };
  return (
    <Section title={webhookId ? 'Save' : 'Create'}>
      <Stack gap="sm">
        {outcome && !outcome.isOk && (
          <Failure
            title={webhookId ? 'The webhook was not changed' : 'The webhook was not created'}
            error={outcome.error}
            refusals={outcome.refusals?.map(({ field, ...rest }) => ({ ...rest, field: field?.replace('attributes.', '') }))}
          />
        )}
        <Group justify="space-between">
          <Text size="sm" c="dimmed" flex={1} miw={200}>
            {webhookId
              ? 'Events that wait already keep their payload.'
              : 'From then on, each of these changes is sent. You can test and disable it at any time.'}
          </Text>
          <Button size="md" loading={isRunning} onClick={() => void finish()}>
            {webhookId ? 'Save the webhook' : 'Create the webhook'}
          </Button>
        </Group>
      </Stack>
    </Section>
  );
}
