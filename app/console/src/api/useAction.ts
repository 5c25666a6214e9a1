import { notifications } from '@mantine/notifications';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { useCallback } from 'react';
import { useMutation, type AnyVariables, type CombinedError } from 'urql';

import type { Refusal } from '../parts/Failure';

/** How a mutation has ended: `isOk`, or the reasons why not in the API's words. */
export type Outcome<Data = unknown> = Readonly<{
  isOk: boolean;
  data?: Data;
  error?: CombinedError;
  refusals?: readonly Refusal[];
}>;

type Payload = { status: number; errors?: readonly Refusal[] | null };

/**
 * Give the function that runs a mutation whose document selects `status errors { field messages docs }`.
 *
 * @param done - What to say when it has worked; nothing where it is absent.
 */
export function useAction<Data extends object, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  done?: string,
): (variables: Variables) => Promise<Outcome<Data>> {
  const [, mutate] = useMutation(document);
  return useCallback(
    async (variables: Variables): Promise<Outcome<Data>> => {
      const { data, error } = await mutate(variables);
      const payloads = Object.values(data ?? {}).filter(isPayload);
      const refusals = payloads.flatMap(({ errors }) => errors ?? []);
      const isOk = !error && refusals.length === 0 && payloads.every(({ status }) => status < 400);
      if (isOk && done) notifications.show({ message: done, color: 'green' });
      return { isOk, data, error, refusals };
    },
    [mutate, done],
  );
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && 'status' in value;
}
