import { Client, fetchExchange, subscriptionExchange } from "@urql/core";

import { socketClient } from "./graphql-ws.mjs";

export function ofUrql(options) {
  const client = new Client({ ...options, preferGetMethod: false });
  return {
    subscribe: ({ query, variables, onData, onError }) =>
      client.subscription(query, variables).subscribe(({ data, error }) => (error ? onError(error) : onData(data))),
    mutate: async ({ query, variables }) => (await client.mutation(query, variables).toPromise()).data,
  };
}

export function makeClient({ url, headers }) {
  const sockets = socketClient({ url, headers });
  const exchange = subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
    }),
  });
  return ofUrql({ url, fetchOptions: { headers }, exchanges: [exchange, fetchExchange] });
}
