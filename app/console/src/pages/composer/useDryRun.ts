import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useRef } from 'react';
import { useQuery, type CombinedError } from 'urql';

import { ComposerDryRunDocument, type ComposerDryRunQuery } from '../../gql/graphql';
import type { Draft } from './draft';

export type DryRun = NonNullable<ComposerDryRunQuery['webhookDryRun']>;

export type Trial = Readonly<{
  run: DryRun | null;
  isRunning: boolean;
  error?: CombinedError;
  /** The fields of the query, each of which can be a trigger. */
  fields: readonly string[];
  /** What is wrong with one attribute, in the API's words. */
  problemsOf: (field: string) => readonly string[];
}>;

/** A dry run is dear, so that it waits until typing has paused for so long. */
const PAUSE_MS = 500;
const NONE: readonly string[] = [];

/** Try the draft on an entity, again whenever it changes. */
export function useDryRun(draft: Draft, entityId: string | null): Trial {
  const { type, eventNames, queryString, triggers, filter, includePrevious, sellerId } = draft;
  const wanted = useMemo(
    () => ({
      ...{ type, queryString, id: entityId ?? '', includePrevious, sellerId },
      ...{ eventNames: [...eventNames], triggers: [...triggers], filter },
    }),
    [type, queryString, entityId, includePrevious, sellerId, eventNames, triggers, filter],
  );
  const [variables] = useDebouncedValue(wanted, PAUSE_MS);
  const [{ data, error, fetching }] = useQuery({
    query: ComposerDryRunDocument,
    variables,
    // After another type was chosen, the entity is still that of the former one for a moment.
    pause: !entityId || !variables.id || variables.type !== type,
    requestPolicy: 'network-only',
  });
  const run = data?.webhookDryRun ?? null;
  const known = useRef<readonly string[]>(NONE);
  if (run?.watchedFields && triggers.length === 0) known.current = run.watchedFields;
  return {
    ...{ run, error, isRunning: fetching || wanted !== variables, fields: known.current },
    problemsOf: (field) => {
      const found = run?.errors.filter((one) => one.field === field || one.field.startsWith(`${field}.`));
      return found?.length ? found.flatMap(({ messages }) => messages) : NONE;
    },
  };
}
