import { ApolloClient, InMemoryCache, gql } from "apollo-client-3/core/index.js";
import { GraphQLWsLink } from "apollo-client-3/link/subscriptions/index.js";

import { ofApollo } from "./apollo.mjs";

export const makeClient = (options) => ofApollo({ ApolloClient, InMemoryCache, GraphQLWsLink, gql }, options);
