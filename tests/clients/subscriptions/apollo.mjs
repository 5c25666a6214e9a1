// What Apollo Client 3 and 4 have in common.
import { socketClient } from "./graphql-ws.mjs";

export function ofApollo({ ApolloClient, InMemoryCache, GraphQLWsLink, gql }, options) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socketClient(options)) });
  return {
    subscribe: ({ query, variables, onData, onError }) =>
      client
        .subscribe({ query: gql(query), variables })
        .subscribe({ next: ({ data, error }) => (error ? onError(error) : onData(data)), error: onError }),
    mutate: async ({ query, variables }) => (await client.mutate({ mutation: gql(query), variables })).data,
  };
}
