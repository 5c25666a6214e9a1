import type { EventPageQuery } from '../../gql/graphql';

/** A webhook event as this page shows it. */
export type Event = Extract<NonNullable<EventPageQuery['node']>, { __typename: 'WebhookEvent' }>;
