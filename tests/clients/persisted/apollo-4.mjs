import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";

import { asking, sha256 } from "./apollo.mjs";

export function makeClient({ url, headers, fetch, getsHashes }) {
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: getsHashes });
  return asking({ ApolloClient, InMemoryCache, HttpLink, gql, link, http: { uri: url, headers, fetch } });
}
