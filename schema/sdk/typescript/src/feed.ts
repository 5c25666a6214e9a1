import type { Tellgraph } from "./client.js";
import {
  WebhookMessagesAcknowledgeDocument,
  WebhookMessagesExtendDocument,
  WebhookMessagesRejectDocument,
  WebhookMessagesTakeDocument,
  type MessageFieldsFragment,
} from "./generated/graphql.js";
import type { Delivery, Receiver } from "./receiver.js";

export interface FeedOptions {
  /** How many messages are taken at once: 1 to 100, 20 by default. */
  readonly batch?: number;
  /** How long you may work on one message. 60 by default. */
  readonly leaseSeconds?: number;
  /** Ends the feed. */
  readonly signal?: AbortSignal;
}

/**
 * Take the messages of a webhook with `delivery: PULL`, without end.
 *
 * To ask for the next message acknowledges the one before. To leave the loop, by an error, `break` or `return`, rejects
 * the one in hand, so that it comes again. What was taken and not handed over comes again when its lease has ended.
 */
export async function* feed<Data>(
  client: Tellgraph,
  webhookId: string,
  receiver: Receiver<Data>,
  { batch: first = 20, leaseSeconds = 60, signal }: FeedOptions = {},
): AsyncGenerator<Delivery<Data>, void, undefined> {
  const waiting = { retries: Infinity, ...(signal && { signal }) };
  let done: string[] = [];
  let current: string | undefined;
  const acknowledge = async () => {
    if (done.length > 0) await client.run(WebhookMessagesAcknowledgeDocument, { input: { webhookId, ids: done } });
    done = [];
  };
  try {
    while (!signal?.aborted) {
      await acknowledge();
      const input = { webhookId, first, leaseSeconds, waitSeconds: 30 };
      let renewedAt = Date.now();
      const taken = await client.run(WebhookMessagesTakeDocument, { input }, waiting);
      let batch: readonly MessageFieldsFragment[] = taken.webhookMessagesTake.messages;
      while (batch.length > 0 && !signal?.aborted) {
        if (Date.now() - renewedAt > leaseSeconds * 500) {
          await acknowledge();
          renewedAt = Date.now();
          batch = await extend(client, webhookId, batch, leaseSeconds);
          continue;
        }
        const [message, ...rest] = batch as [MessageFieldsFragment, ...MessageFieldsFragment[]];
        batch = rest;
        current = message.id;
        yield receiver.verify(message.body, Object.fromEntries(message.headers.map(({ name, value }) => [name, value])));
        done.push(message.id);
        current = undefined;
      }
    }
  } catch (error) {
    if (!signal?.aborted || current) throw error;
  } finally {
    await acknowledge();
    if (current) {
      const input = { webhookId, ids: [current], reason: "The consumer has not finished it." };
      await client.run(WebhookMessagesRejectDocument, { input });
    }
  }
}

/** Extend the leases of messages that wait for their turn, and leave out those whose lease has ended. */
async function extend(
  client: Tellgraph,
  webhookId: string,
  batch: readonly MessageFieldsFragment[],
  leaseSeconds: number,
): Promise<readonly MessageFieldsFragment[]> {
  const input = { webhookId, ids: batch.map(({ id }) => id), leaseSeconds };
  const { expiredIds } = (await client.run(WebhookMessagesExtendDocument, { input })).webhookMessagesExtend;
  return batch.filter(({ id }) => !expiredIds.includes(id));
}
