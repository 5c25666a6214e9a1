import { createClient } from "graphql-sse";

export function subscribe({ url, headers, query, variables, onData, onError }) {
  const client = createClient({ url, headers, retryAttempts: 0 });
  return client.subscribe({ query, variables }, { next: ({ data }) => onData(data), error: onError, complete: () => {} });
}
