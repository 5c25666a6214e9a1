import type { GraphiQLProps } from 'graphiql';
import { getOperationAST, GraphQLError, parse, type ExecutionResult } from 'graphql';
import type { Client as StreamClient } from 'graphql-sse';

import { ENDPOINT, fetchWithKey } from '../../api/fetch';
import { nameOperation, noteAnswer } from './examples';

type Fetcher = GraphiQLProps['fetcher'];
type Request = Parameters<Fetcher>[0];

/** Make what GraphiQL sends its requests with: a subscription becomes a stream, all else one POST. */
export function createFetcher(key: string, streams: StreamClient): Fetcher {
  const ownFetch = fetchWithKey(key);
  return (request) => {
    const named = nameOperation(request);
    if (isSubscription(named)) {
      const { query, variables, operationName } = named;
      return streams.iterate({ query, variables: variables ?? undefined, operationName: operationName ?? undefined });
    }
    return post(ownFetch, named);
  };
}

async function post(ownFetch: typeof fetch, request: Request): Promise<ExecutionResult> {
  try {
    const response = await ownFetch(ENDPOINT, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const answer = decode(response.status, await response.text());
    noteAnswer(answer);
    return answer;
  } catch (error) {
    return failure(`The server did not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function decode(status: number, text: string): ExecutionResult {
  try {
    return JSON.parse(text) as ExecutionResult;
  } catch {
    return failure(`HTTP ${status}, and the answer is not JSON: ${text.slice(0, 200)}`);
  }
}

const failure = (message: string): ExecutionResult => ({ errors: [new GraphQLError(message)] });

function isSubscription({ query, operationName }: Request): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === 'subscription';
  } catch {
    // The API says what is wrong with the text.
    return false;
  }
}
