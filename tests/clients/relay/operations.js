// Read by relay-compiler alone, which makes the artifacts that ask.mjs runs.
import { graphql } from "relay-runtime";

export const adverts = graphql`
  query operationsAdvertsQuery {
    allAdverts {
      nodes {
        __typename
        ... on Advert { id title }
        ... on UnpublishedAdvert { id details { id title } }
        ... on DeletedAdvert { id updatedAt }
      }
    }
  }
`;

export const again = graphql`
  query operationsAgainQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
    }
  }
`;
