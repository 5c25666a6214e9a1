import { Kind, parse, type OperationDefinitionNode } from 'graphql';

import text from './examples.graphql?raw';

type Named = { query: string; operationName?: string | null; variables?: Record<string, unknown> | null };

/** Lines of the examples that a seller's key would be refused. */
const OPERATOR_ONLY = '# the operator only';

let newestWebhookId: string | null = null;

/**
 * One GraphiQL tab for each operation of examples.graphql, with the comment above it.
 * The tab's title is the operation's name.
 */
export function exampleTabs(isOperator: boolean): { query: string }[] {
  const lines = text.split('\n').filter((line) => isOperator || !line.includes(OPERATOR_ONLY));
  const shown = lines.map((line) => line.replace(OPERATOR_ONLY, '').trimEnd()).join('\n');
  const ends = parse(shown).definitions.map(({ loc }) => loc!.end);
  return ends.map((end, index) => ({ query: shown.slice(ends[index - 1] ?? 0, end).trim() }));
}

/**
 * Name the operation that a request is about: just after a change of tabs or of the text, GraphiQL may still give
 * the former one's name.
 * LookAtItsEvents is about the webhook that this page has just made, unless its variables name another.
 */
export function nameOperation<Request extends Named>(request: Request): Request {
  const operations = operationsOf(request.query);
  const operationName = operations.length === 1 ? operations[0]?.name?.value : request.operationName;
  const isAboutNewest = operationName === 'LookAtItsEvents' && newestWebhookId && !request.variables?.['webhookId'];
  const variables = isAboutNewest ? { ...request.variables, webhookId: newestWebhookId } : request.variables;
  return { ...request, operationName, variables };
}

function operationsOf(query: string): OperationDefinitionNode[] {
  try {
    return parse(query).definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  } catch {
    // The API says what is wrong with the text.
    return [];
  }
}

/** Remember the webhook that an answer tells of. */
export function noteAnswer(answer: { data?: unknown }): void {
  const data = answer.data as { webhookCreate?: { webhook?: { id?: string } | null } | null } | null | undefined;
  newestWebhookId = data?.webhookCreate?.webhook?.id ?? newestWebhookId;
}
