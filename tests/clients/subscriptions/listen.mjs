// Takes the first message of a webhook by a subscription of one client library, acknowledges it by a mutation of the
// same client, and prints both, and what it was told of a wrong key. Environment: GRAPHQL_URL, GRAPHQL_KEY, WEBHOOK (its
// id), LIBRARY (a file here without .mjs).
const { GRAPHQL_URL: url, GRAPHQL_KEY: key, WEBHOOK: webhook, LIBRARY: library } = process.env;

const MESSAGES = "subscription Messages($webhook: ID!) { webhookMessages(webhookId: $webhook) { id body } }";
const ACKNOWLEDGE = `mutation Acknowledge($webhook: ID!, $ids: [ID!]!) {
  webhookMessagesAcknowledge(input: { webhookId: $webhook, ids: $ids }) { acknowledgedIds }
}`;

const { makeClient } = await import(`./${library}.mjs`);
const withKey = (one) => makeClient({ url, headers: { authorization: `Bearer ${one}` } });
const first = (client) =>
  new Promise((resolve) => {
    const told = { onData: (data) => resolve({ data }), onError: (error) => resolve({ error }) };
    client.subscribe({ query: MESSAGES, variables: { webhook }, ...told });
  });

const client = withKey(key);
const { data, error } = await first(client);
const message = data?.webhookMessages ?? null;
const answer = message && (await client.mutate({ query: ACKNOWLEDGE, variables: { webhook, ids: [message.id] } }));
const refused = await first(withKey("wrong"));
// As text, because each library has its own form of an error: a close event, an HTTP response, a list.
const told = [refused.error].flat().map((one) => one?.code ?? one?.response?.status ?? one?.networkError?.code ?? `${one}`);
console.log(JSON.stringify({ message, answer, error: error ? `${error}` : null, refused: refused.error ? told : null }));
process.exit(0);
