import { ApolloClient, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";

import { socketClient } from "./graphql-ws.mjs";

export function subscribe({ url, headers, query, variables, onData, onError }) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socketClient({ url, headers })) });
  const told = ({ data, error }) => (error ? onError(error) : onData(data));
  const subscription = client.subscribe({ query: gql(query), variables }).subscribe({ next: told, error: onError });
  return () => subscription.unsubscribe();
}
