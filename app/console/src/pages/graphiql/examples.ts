import { parse } from 'graphql';

import text from './examples.graphql?raw';

/**
 * One GraphiQL tab for each operation of examples.graphql, with the comment above it.
 * The tab's title is the operation's name.
 */
export function exampleTabs() {
  const ends = parse(text).definitions.map((definition) => definition.loc.end);
  return ends.map((end, index) => ({ query: text.slice(ends[index - 1] ?? 0, end).trim() }));
}

const OPERATION = /^\s*(?:query|mutation)\s+(\w+)/gm;

let newestWebhookId = null;

/**
 * Run a request. LookAtItsEvents is about the webhook that this page has just made, unless its variables name another.
 * Just after a change of tabs, GraphiQL may still give the name of the other tab's operation.
 */
export async function runRequest(request, execute) {
  const names = [...request.query.matchAll(OPERATION)].map(([, name]) => name);
  const operationName = names.length === 1 ? names[0] : request.operationName;
  const isAboutNewest = operationName === 'LookAtItsEvents' && newestWebhookId && !request.variables?.webhookId;
  const variables = isAboutNewest ? { ...request.variables, webhookId: newestWebhookId } : request.variables;
  const answer = await execute({ ...request, operationName, variables });
  newestWebhookId = answer.data?.webhookCreate?.webhook?.id ?? newestWebhookId;
  return answer;
}
