import { ApolloClient, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";

import { ofApollo } from "./apollo.mjs";

export const makeClient = (options) => ofApollo({ ApolloClient, InMemoryCache, GraphQLWsLink, gql }, options);
