import type { WebhookEventStateEnum } from '../../gql/graphql';

/** A state in words: what it means, and what to do next. */
export type Explanation = Readonly<{ meaning: string; advice: string; color: string }>;

const BLUE = 'blue';
const GREEN = 'green';
const GREY = 'gray';
const RED = 'red';
const YELLOW = 'yellow';

export const EXPLANATIONS: Record<WebhookEventStateEnum, Explanation> = {
  PENDING: {
    meaning: 'This event waits for its first attempt, or for its turn.',
    advice: 'It is sent within a second, unless the webhook is paused, has reached a limit, or an older event of the same entity waits.',
    color: BLUE,
  },
  SENDING: {
    meaning: 'An attempt is under way.',
    advice: 'Wait for its outcome. It takes no longer than the timeout of the webhook.',
    color: BLUE,
  },
  RETRYING: {
    meaning: 'The last attempt failed, and the event is sent again by itself.',
    advice: 'Read the last answer below and mend the endpoint. “Send now” does not wait for the next attempt.',
    color: 'orange',
  },
  DELIVERED: {
    meaning: 'The event has arrived: the receiver has confirmed it.',
    advice: 'If the receiver does not show it, look there for its id.',
    color: GREEN,
  },
  SKIPPED: {
    meaning: 'The event was not sent: it would have told the receiver nothing new.',
    advice: 'Change what the query selects, the triggers or the filter if you expected it.',
    color: GREY,
  },
  SUPERSEDED: {
    meaning: 'The event was not sent: a newer state of the same entity is sent in its place.',
    advice: 'Turn on “Send every change” in the settings of the webhook to be sent each state.',
    color: GREY,
  },
  HELD: {
    meaning: 'The event is kept, because its webhook is disabled.',
    advice: 'Enable the webhook: then the event is sent.',
    color: YELLOW,
  },
  FAILED: {
    meaning: 'The event was given up: no retries are left, or the endpoint is gone.',
    advice: 'Mend the endpoint, then send the event again.',
    color: RED,
  },
  CANCELLED: {
    meaning: 'The event was cancelled before it was delivered.',
    advice: 'Send it again if the receiver needs it after all.',
    color: GREY,
  },
  RENDER_FAILED: {
    meaning: 'The query of the webhook could not be run for this entity.',
    advice: 'Change the query, then run it again.',
    color: RED,
  },
};

/** Where the documentation tells of states and their cures. */
export const DOCS = '/docs/my-event-did-not-arrive#2-look-at-the-event-and-its-attempts';
