import { createClient as createStreamClient, type Client as StreamClient } from 'graphql-sse';
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from 'urql';

import { ENDPOINT, fetchWithKey } from './fetch';

const LONGEST_PAUSE_MS = 15_000;

/** What speaks for one key. Another key gets another one, so that nothing of the first is shown to the second. */
export type Api = Readonly<{ client: Client; streams: StreamClient }>;

export function createApi(key: string): Api {
  const ownFetch = fetchWithKey(key);
  const streams = createStreamClient({
    url: ENDPOINT,
    fetchFn: ownFetch,
    retryAttempts: Infinity,
    retry: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(1000 * 2 ** retries, LONGEST_PAUSE_MS))),
  });
  const client = new Client({
    url: ENDPOINT,
    fetch: ownFetch,
    preferGetMethod: false,
    // What is known is shown at once, and asked for anew.
    requestPolicy: 'cache-and-network',
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables, operationName }) => ({
          subscribe: (sink) => ({ unsubscribe: streams.subscribe({ query, variables, operationName }, sink as never) }),
        }),
      }),
    ],
  });
  return { client, streams };
}
