import {
  Anchor,
  Button,
  Checkbox,
  Code,
  Group,
  MultiSelect,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { Link } from 'react-router';

import { useAction, type Outcome } from '../../api/useAction';
import {
  UpdateWebhookDocument,
  type WebhookDetailsFragment,
  type WebhookEventEnum,
  type WebhookUpdateAttributes,
} from '../../gql/graphql';
import { Failure, type Refusal } from '../../parts/Failure';
import { Section } from '../../parts/Section';
import { Warnings } from '../../parts/Warnings';
import { SecretShown } from './SecretShown';

const EVENTS: readonly WebhookEventEnum[] = ['CREATE', 'UPDATE', 'DESTROY'];

/** The settings of a webhook. Only what was changed is saved. */
export function Settings({ webhook }: { webhook: WebhookDetailsFragment }) {
  const update = useAction(UpdateWebhookDocument, 'Saved.');
  const [changed, setChanged] = useState<WebhookUpdateAttributes>({});
  const [headers, setHeaders] = useState<string | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isSaving, setSaving] = useState(false);
  const [warnings, setWarnings] = useState<readonly Refusal[]>([]);
  const [secret, setSecret] = useState<string | null>(null);
  const shown = { ...webhook, ...changed };
  const set = (part: WebhookUpdateAttributes) => setChanged((former) => ({ ...former, ...part }));
  const isPull = webhook.delivery === 'PULL';
  const isChanged = Object.keys(changed).length > 0 || headers !== null;

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setSaving(true);
    const attributes = headers === null ? changed : { ...changed, headers: headersOf(headers) };
    const result = await update({ id: webhook.id, attributes });
    setSaving(false);
    setOutcome(result);
    setWarnings(result.data?.webhookUpdate?.warnings ?? []);
    if (!result.isOk) return;
    setChanged({});
    setHeaders(null);
    setSecret(result.data?.webhookUpdate?.hmacKey ?? null);
  };
  return (
    <form onSubmit={(event) => void save(event)}>
      <Stack>
        <Section title="Receiver">
          <Stack gap="sm">
            <TextInput
              label="Description"
              value={shown.description ?? ''}
              onChange={({ currentTarget }) => set({ description: currentTarget.value || null })}
            />
            {!isPull && (
              <TextInput
                label="URL"
                description="Another scheme, host or port needs the headers again and makes a new signing secret."
                value={shown.url ?? ''}
                onChange={({ currentTarget }) => set({ url: currentTarget.value })}
              />
            )}
            {!isPull && <Headers webhook={webhook} text={headers} onChange={setHeaders} />}
          </Stack>
        </Section>
        <Section
          title="What is sent"
          actions={
            <Button component={Link} to={`/webhooks/new?webhook=${webhook.id}`} variant="default" size="xs">
              Edit in the composer
            </Button>
          }
        >
          <Stack gap="sm">
            <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {webhook.queryString || '(only __typename)'}
            </Code>
            <Checkbox.Group
              label="Events"
              value={[...(shown.eventNames ?? [])]}
              onChange={(names) => set({ eventNames: names as WebhookEventEnum[] })}
            >
              <Group mt={4}>
                {EVENTS.map((name) => (
                  <Checkbox key={name} value={name} label={name.toLowerCase()} />
                ))}
              </Group>
            </Checkbox.Group>
            <Textarea
              label="Triggers"
              description="Paths of fields, one a line, such as lineItems.quantity. An update counts only if it changes one of them. Empty: whatever the query reads."
              autosize
              value={(shown.triggers ?? []).join('\n')}
              onChange={({ currentTarget }) => set({ triggers: linesOf(currentTarget.value) })}
            />
            <Textarea
              label="Filter"
              description="An expression over event and data, such as data.node.totalCents >= 10000. What it is false for is not sent."
              autosize
              value={shown.filter ?? ''}
              onChange={({ currentTarget }) => set({ filter: currentTarget.value || null })}
            />
            <Switch
              label="Leave out results that equal the last one"
              checked={shown.allowSkip ?? true}
              onChange={({ currentTarget }) => set({ allowSkip: currentTarget.checked })}
            />
            <Switch
              label="Send every change"
              description="Also one that a newer one has overtaken."
              checked={shown.everyChange ?? false}
              onChange={({ currentTarget }) => set({ everyChange: currentTarget.checked })}
            />
            <Switch
              label="Include the previous payload"
              checked={shown.includePrevious ?? false}
              onChange={({ currentTarget }) => set({ includePrevious: currentTarget.checked })}
            />
          </Stack>
        </Section>
        <Section title="Limits">
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <NumberInput label="Retries of a failed delivery" {...number(shown.maxRetries, (maxRetries) => set({ maxRetries }))} />
            <NumberInput
              label={isPull ? 'Messages taken and not settled' : 'Requests in flight'}
              {...number(shown.concurrentSendLimit, (concurrentSendLimit) => set({ concurrentSendLimit }))}
            />
            {!isPull && (
              <NumberInput
                label="Requests per second"
                placeholder="No limit"
                {...number(shown.rateLimit, (rateLimit) => set({ rateLimit }))}
              />
            )}
            {!isPull && (
              <NumberInput label="Timeout in seconds" {...number(shown.timeoutSeconds, (timeoutSeconds) => set({ timeoutSeconds }))} />
            )}
            <NumberInput
              label="Compare with the receiver every … hours"
              placeholder="Only when asked"
              {...number(shown.reconcileEveryHours, (reconcileEveryHours) => set({ reconcileEveryHours }))}
            />
            <MultiSelect
              label="Signatures"
              data={['HMAC', 'ED25519']}
              value={[...(shown.signatureSchemes ?? [])]}
              onChange={(signatureSchemes) =>
                set({ signatureSchemes: signatureSchemes as WebhookUpdateAttributes['signatureSchemes'] })
              }
            />
          </SimpleGrid>
        </Section>
        <Failure error={outcome?.error} refusals={outcome?.refusals} title="The settings were not saved" />
        <Warnings warnings={warnings} />
        <Group>
          <Button type="submit" loading={isSaving} disabled={!isChanged || webhook.deletedAt != null}>
            Save
          </Button>
          <Button
            variant="default"
            disabled={!isChanged}
            onClick={() => {
              setChanged({});
              setHeaders(null);
              setOutcome(null);
            }}
          >
            Discard
          </Button>
          <Anchor href="/docs/contract" size="sm" underline="always">
            What the settings mean
          </Anchor>
        </Group>
      </Stack>
      <SecretShown secret={secret} onClose={() => setSecret(null)} />
    </form>
  );
}

type HeadersProps = Readonly<{ webhook: WebhookDetailsFragment; text: string | null; onChange: (text: string | null) => void }>;

/** The webhook's own headers: names with masked values, until they are given anew. */
function Headers({ webhook, text, onChange }: HeadersProps) {
  const own = Object.entries((webhook.headers ?? {}) as Record<string, string>);
  if (text === null) {
    return (
      <Stack gap={4} align="flex-start">
        <Text size="sm" fw={500}>
          Headers
        </Text>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {own.length === 0 ? 'None of its own.' : own.map(([name, value]) => `${name}: ${value}`).join(', ')}
        </Text>
        <Button variant="default" size="compact-sm" onClick={() => onChange(own.map(([name]) => `${name}: `).join('\n'))}>
          Give other headers
        </Button>
      </Stack>
    );
  }
  return (
    <Textarea
      label="Headers"
      description="One a line, as in Authorization: Bearer … They replace all present ones. Values can't be read back."
      autosize
      minRows={2}
      value={text}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

const linesOf = (text: string) => (text === '' ? [] : text.split('\n'));

function headersOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}

/** The properties of an input for a whole number; an empty one is null. */
function number(value: number | null | undefined, onChange: (value: number | null) => void) {
  return {
    value: value ?? '',
    allowDecimal: false,
    allowNegative: false,
    onChange: (given: string | number) => onChange(given === '' ? null : Number(given)),
  };
}
