import { useDocumentVisibility } from '@mantine/hooks';
import { print } from 'graphql';
import { useEffect, useState } from 'react';

import {
  WebhookActivityDocument,
  type ActivityEventFragment,
  type WebhookActivitySubscription,
  type WebhookActivitySubscriptionVariables,
} from '../gql/graphql';
import { useApi } from './ApiProvider';

const TEXT = print(WebhookActivityDocument);
/** A flood of changes is shown in steps, so that the page stays usable. */
const STEP_MS = 200;
/** A stream that has ended is opened again after this time. */
const PAUSE_MS = 3_000;

export type Activity = Readonly<{
  /** The events that have changed since the page was opened, each once and as it is now; the latest change first. */
  events: readonly ActivityEventFragment[];
  /** Whether the page is listening. */
  isLive: boolean;
}>;

/**
 * Listen to the events of one webhook, or of all. It connects again by itself whenever the connection is lost.
 * A tab in the background does not listen: browsers open only six connections to one host, for all tabs together.
 *
 * @param limit - How many events are kept.
 */
export function useActivity({
  limit = 50,
  webhookId,
  states,
}: WebhookActivitySubscriptionVariables & { limit?: number } = {}): Activity {
  const { streams } = useApi();
  const [events, setEvents] = useState<readonly ActivityEventFragment[]>([]);
  const [isLive, setLive] = useState(false);
  const [ends, setEnds] = useState(0);
  const isHidden = useDocumentVisibility() === 'hidden';
  const wanted = states?.toString() ?? '';

  useEffect(() => setEvents([]), [streams, webhookId, wanted]);
  useEffect(() => {
    if (isHidden) return undefined;
    let fresh: ActivityEventFragment[] = [];
    const show = () => {
      if (fresh.length === 0) return;
      const newest = fresh;
      fresh = [];
      setEvents((known) => newestOfEach([...newest, ...known]).slice(0, limit));
    };
    let again: ReturnType<typeof setTimeout> | undefined;
    const openAgain = () => {
      setLive(false);
      again = setTimeout(() => setEnds((count) => count + 1), PAUSE_MS);
    };
    const timer = setInterval(show, STEP_MS);
    const end = streams.subscribe<WebhookActivitySubscription>(
      { query: TEXT, variables: { webhookId, states } },
      {
        next: ({ data }) => {
          // The newest is the first, and no more are held than can be shown.
          if (data) fresh = [data.webhookActivity, ...fresh].slice(0, 4 * limit);
        },
        error: openAgain,
        complete: openAgain,
      },
      {
        connected: () => setLive(true),
        connecting: (isAgain) => isAgain && setLive(false),
      },
    );
    return () => {
      clearInterval(timer);
      end();
      clearTimeout(again);
      setLive(false);
    };
    // `states` is often made anew by the caller; its content decides.
  }, [streams, webhookId, wanted, limit, isHidden, ends]);

  return { events, isLive };
}

function newestOfEach(events: readonly ActivityEventFragment[]): ActivityEventFragment[] {
  const byId = new Map<string, ActivityEventFragment>();
  for (const event of events) if (!byId.has(event.id)) byId.set(event.id, event);
  return [...byId.values()];
}
