import { Alert, Anchor, Checkbox, SimpleGrid, Stack, TagsInput, Textarea } from '@mantine/core';

import type { Change, Draft } from './draft';
import type { Trial } from './useDryRun';

type Props = Readonly<{ draft: Draft; onChange: Change; trial: Trial }>;

/** Triggers and filter, with the filter's verdict on the entity, and what is left out. */
export function Narrowing({ draft, onChange, trial }: Props) {
  const isUpdate = draft.eventNames.includes('UPDATE');
  return (
    <Stack gap="md">
      {isUpdate && (
        <TagsInput
          label="Triggers"
          description="Paths of fields of which an update has to change one, as in lineItems.quantity. None: any field of the query."
          data={[...trial.fields]}
          value={[...draft.triggers]}
          onChange={(triggers) => onChange({ triggers })}
          error={trial.problemsOf('triggers').join(' ') || undefined}
          placeholder={draft.triggers.length === 0 ? 'Any field of the query' : undefined}
          clearable
          clearButtonProps={{ 'aria-label': 'Remove all triggers' }}
        />
      )}
      <Textarea
        label="Filter"
        description={
          <>
            An expression over <code>data</code> and <code>event</code>. A result for which it is false is not sent.{' '}
            <Anchor href="/docs/recipes#filters" target="_blank" size="xs" underline="always">
              Examples
            </Anchor>
          </>
        }
        placeholder="data.node.totalCents >= 10000"
        autosize
        minRows={2}
        maxRows={8}
        value={draft.filter}
        onChange={({ currentTarget: { value } }) => onChange({ filter: value })}
        error={trial.problemsOf('filter').join(' ') || undefined}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        spellCheck={false}
      />
      <Verdict draft={draft} trial={trial} />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Checkbox
          label="Skip a result that equals the last one"
          checked={draft.allowSkip}
          onChange={({ currentTarget: { checked } }) => onChange({ allowSkip: checked })}
        />
        <Checkbox
          label="Add the payload that was confirmed last"
          checked={draft.includePrevious}
          onChange={({ currentTarget: { checked } }) => onChange({ includePrevious: checked })}
        />
      </SimpleGrid>
    </Stack>
  );
}

function Verdict({ draft, trial: { run } }: { draft: Draft; trial: Trial }) {
  if (!draft.filter.trim() || run?.filterPasses == null) return null;
  if (run.filterError) {
    return (
      <Alert color="yellow" title="The filter fails on this entity" role="status">
        {run.filterError} A filter that fails lets the result pass.
      </Alert>
    );
  }
  return run.filterPasses ? (
    <Alert color="green" title="The filter passes this entity" role="status" />
  ) : (
    <Alert color="gray" title="The filter is false for this entity: it would not be sent" role="status" />
  );
}
