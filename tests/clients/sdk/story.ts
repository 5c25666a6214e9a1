// An integrator's whole story, in the installed package: register, ship, receive, verify, replay, roll the secret,
// take by the feed, read lists. Prints what it has seen as JSON.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  feed,
  GraphQLError,
  InvoiceChangedDocument,
  InvoiceDocument,
  PayloadError,
  Receiver,
  ShipmentCreateDocument,
  ShipmentUpdateDocument,
  Tellgraph,
  TransportError,
  WebhookCreateDocument,
  WebhookDeleteDocument,
  WebhookEventDocument,
  WebhookEventReplayDocument,
  WebhookEventsDocument,
  WebhookSecretRotateDocument,
  type Delivery,
  type InvoiceChangedQuery,
} from "@tellgraph/client";

const { GRAPHQL_URL: url, KEY: key, INVOICE: invoiceId, CARRIER: postageCarrierId } = process.env as Record<string, string>;
const client = new Tellgraph({ url: url!, key: key! });
const queryString = InvoiceChangedDocument.toString();
type Data = InvoiceChangedQuery;

// The endpoint keeps what verifies by every receiver that it has.
const receivers: Receiver<Data>[] = [];
const received: Delivery<Data>[] = [];
let heard = () => {};
const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const verified = receivers.map((receiver) => receiver.find(Buffer.concat(parts), request.headers));
  if (verified.includes(null)) return void response.writeHead(401).end();
  received.push(verified[0]!);
  response.writeHead(204).end();
  heard();
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

/** Wait until so many deliveries have arrived that are wanted; the last of them. */
async function arrived(wanted: (one: Delivery<Data>) => boolean, count = 1): Promise<Delivery<Data>> {
  for (;;) {
    const found = received.filter(wanted)[count - 1];
    if (found) return found;
    await new Promise<void>((resolve) => (heard = resolve));
  }
}

function notes({ payload }: Delivery<Data>): (string | null)[] {
  const node = payload.data?.node;
  return node?.__typename === "Invoice" ? node.shipments.map(({ note }) => note) : [];
}

/** Read an event until each of its attempts has its answer; their statuses. The last may arrive before it is noted. */
async function attempted(id: string): Promise<(number | null)[]> {
  for (;;) {
    const { node: event } = await client.run(WebhookEventDocument, { id });
    if (event?.__typename !== "WebhookEvent") throw new Error("no event");
    const statuses = event.attempts.map(({ status }) => status ?? null);
    if (!statuses.includes(null)) return statuses;
  }
}

// Register, once by push and once by pull.
const pushed = (await client.run(WebhookCreateDocument, { input: { attributes: { type: "INVOICE", url: endpoint, queryString } } })).webhookCreate;
const pulled = (await client.run(WebhookCreateDocument, { input: { attributes: { type: "INVOICE", delivery: "PULL", queryString } } })).webhookCreate;
receivers.push(new Receiver(InvoiceChangedDocument, pushed.hmacKey!));

// Ship, twice under one key: it is one shipment.
const { node: invoice } = await client.run(InvoiceDocument, { id: invoiceId! });
if (invoice?.__typename !== "Invoice") throw new Error("no invoice");
const input = {
  invoiceId: invoice.id,
  dispatchedAt: new Date().toISOString(),
  postageCarrierId: postageCarrierId!,
  trackingNumber: "TG-1",
  note: "first",
  shippedItems: invoice.lineItems.map(({ id: lineItemId, quantity }) => ({ lineItemId, quantity })),
};
const shipments = [];
for (const _ of [1, 2]) {
  const { shipmentCreate } = await client.run(ShipmentCreateDocument, { input }, { idempotencyKey: "order-1" });
  shipments.push(shipmentCreate.shipment.id);
}
const first = await arrived((one) => notes(one).includes("first"));

// The feed: an error rejects the message, which comes again.
const receiver = new Receiver(InvoiceChangedDocument, pulled.hmacKey!);
let failed = "";
try {
  for await (const delivery of feed(client, pulled.webhook.id, receiver)) throw new Error(delivery.id);
} catch (error) {
  failed = (error as Error).message;
}
const taken: string[] = [];
async function take(note: string): Promise<void> {
  const stop = new AbortController();
  for await (const delivery of feed(client, pulled.webhook.id, receiver, { signal: stop.signal })) {
    taken.push(delivery.id);
    if (notes(delivery).includes(note)) stop.abort();
  }
}
await take("first");

// Roll the secret. In the overlap a delivery verifies by both.
const rolled = await client.run(WebhookSecretRotateDocument, { input: { webhookId: pushed.webhook.id, overlapSeconds: 3600 } });
receivers.push(new Receiver(InvoiceChangedDocument, rolled.webhookSecretRotate.hmacKey!));
await client.run(ShipmentUpdateDocument, { input: { shipmentId: shipments[0]!, note: "second" } });
const second = await arrived((one) => notes(one).includes("second"));

// Replay the first.
await client.run(WebhookEventReplayDocument, { input: { webhookEventId: first.id } });
await arrived(({ id }) => id === first.id, 2);
const attempts = await attempted(first.id);

await take("second");

// Lists, a page of one at a time.
const events: string[] = [];
for await (const { state } of client.each(WebhookEventsDocument, { webhookId: pulled.webhook.id, first: 1 })) events.push(state);

// Errors have types.
const errors: unknown[] = [];
const unreachable = new Tellgraph({ url: "http://127.0.0.1:9/", key: key!, retries: 0 });
for (const failing of [
  () => client.run(WebhookCreateDocument, { input: { attributes: { type: "INVOICE", url: "mailto:x", queryString } } }),
  () => new Tellgraph({ url: url!, key: "wrong" }).run(InvoiceDocument, { id: invoiceId! }),
  () => unreachable.run(InvoiceDocument, { id: invoiceId! }),
]) {
  try {
    await failing();
  } catch (error) {
    if (error instanceof PayloadError) errors.push([error.mutation, error.status, error.errors.map(({ field }) => field)]);
    else if (error instanceof GraphQLError) errors.push([error.status, error.codes]);
    else if (error instanceof TransportError) errors.push(["transport", error.status ?? null]);
  }
}
for (const { webhook } of [pushed, pulled]) await client.run(WebhookDeleteDocument, { input: { webhookId: webhook.id } });
server.close();
server.closeAllConnections();

console.log(
  JSON.stringify({
    shipments: new Set(shipments).size,
    is_newer: second.sequence > first.sequence,
    first_arrived: received.filter(({ id }) => id === first.id).length,
    attempts,
    failed_came_again: taken.includes(failed),
    events: [...new Set(events)],
    pages: events.length === new Set(taken).size,
    errors,
  }),
);
