// An integrator's client, every operation checked against the SDL: find invoices, read one again by its id,
// register a webhook, ship what awaits dispatch.
import { graphql } from "./build/gql/gql.js";
import type { TypedDocumentString } from "./build/gql/graphql.js";

const FindInvoices = graphql(`
  query FindInvoices($first: Int!, $after: String) {
    invoices(first: $first, after: $after) {
      nodes {
        id
        statusFlags
        totalFormatted
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const InvoiceById = graphql(`
  query InvoiceById($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Invoice {
        paidAt
        lineItems {
          id
          quantity
        }
      }
    }
  }
`);

// What the webhook sends of an invoice that has changed: stored with it, and checked against the SDL like the others.
const InvoiceChanged = graphql(`
  query InvoiceChanged($id: ID!) {
    node(id: $id) {
      ... on Invoice {
        id
        statusFlags
        shipments {
          trackingNumber
        }
      }
    }
  }
`);

const RegisterWebhook = graphql(`
  mutation RegisterWebhook($attributes: WebhookCreateAttributes!) {
    webhookCreate(input: { attributes: $attributes }) {
      status
      hmacKey
      errors {
        field
        messages
      }
      webhook {
        id
      }
    }
  }
`);

const Ship = graphql(`
  mutation Ship($input: ShipmentCreateMutationInput!) {
    shipmentCreate(input: $input) {
      status
      errors {
        field
        messages
      }
      shipment {
        id
        trackingNumber
      }
    }
  }
`);

type Answer<Data> = { data?: Data | null; errors?: { message: string; extensions: { code: string } }[] };

export async function ask<Data, Variables>(
  url: string,
  key: string,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Data>;
  if (!data) throw new Error(errors?.map(({ extensions, message }) => `${extensions.code}: ${message}`).join("\n"));
  return data;
}

/** Register a webhook for `endpoint`, then ship what was paid of the first invoices; the shipments' ids. */
export async function registerAndShip(
  url: string,
  key: string,
  carrierId: string,
  endpoint: string,
): Promise<string[]> {
  const registered = await ask(url, key, RegisterWebhook, {
    attributes: { url: endpoint, type: "INVOICE", events: ["UPDATE"], queryString: InvoiceChanged.toString() },
  });
  const secret: string | null | undefined = registered.webhookCreate?.hmacKey;
  if (!secret) throw new Error(JSON.stringify(registered.webhookCreate?.errors));

  const { invoices } = await ask(url, key, FindInvoices, { first: 20 });
  const shipments: string[] = [];
  for (const { id, statusFlags } of invoices.nodes) {
    if (!statusFlags.includes("PAID")) continue;
    const { node } = await ask(url, key, InvoiceById, { id });
    if (node?.__typename !== "Invoice") continue;
    const { shipmentCreate } = await ask(url, key, Ship, {
      input: {
        invoiceId: node.id,
        dispatchedAt: new Date().toISOString(),
        postageCarrierId: carrierId,
        trackingNumber: `TG-${node.id}`,
        shippedItems: node.lineItems.map(({ id: lineItemId, quantity }) => ({ lineItemId, quantity })),
      },
    });
    if (shipmentCreate?.shipment) shipments.push(shipmentCreate.shipment.id);
  }
  return shipments;
}
