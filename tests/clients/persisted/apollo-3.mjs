import { ApolloClient, HttpLink, InMemoryCache, gql } from "apollo-client-3/core/index.js";
import { createPersistedQueryLink } from "apollo-client-3/link/persisted-queries/index.js";

import { asking, sha256 } from "./apollo.mjs";

export function makeClient({ url, headers, fetch, getsHashes }) {
  const link = createPersistedQueryLink({ sha256, useGETForHashedQueries: getsHashes });
  return asking({ ApolloClient, InMemoryCache, HttpLink, gql, link, http: { uri: url, headers, fetch } });
}
