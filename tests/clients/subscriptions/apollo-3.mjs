import { ApolloClient, InMemoryCache, gql } from "apollo-client-3/core/index.js";
import { GraphQLWsLink } from "apollo-client-3/link/subscriptions/index.js";

import { socketClient } from "./graphql-ws.mjs";

export function subscribe({ url, headers, query, variables, onData, onError }) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socketClient({ url, headers })) });
  const subscription = client
    .subscribe({ query: gql(query), variables })
    .subscribe({ next: ({ data }) => onData(data), error: onError });
  return () => subscription.unsubscribe();
}
