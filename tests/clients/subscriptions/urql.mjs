import { Client, fetchExchange, subscriptionExchange } from "@urql/core";

import { socketClient } from "./graphql-ws.mjs";

export function urqlSubscribe(options, { query, variables, onData, onError }) {
  const client = new Client({ ...options, preferGetMethod: false });
  const { unsubscribe } = client
    .subscription(query, variables)
    .subscribe(({ data, error }) => (error ? onError(error) : onData(data)));
  return unsubscribe;
}

export function subscribe({ url, headers, ...given }) {
  const sockets = socketClient({ url, headers });
  const exchange = subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
    }),
  });
  return urqlSubscribe({ url, exchanges: [exchange, fetchExchange] }, given);
}
