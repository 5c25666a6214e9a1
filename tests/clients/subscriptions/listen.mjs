// Subscribes to the activity of webhooks by one client library, and prints the first event that it was told of, and
// what it was told of a wrong key. Environment: GRAPHQL_URL, GRAPHQL_KEY, LIBRARY (a file here without .mjs).
const { GRAPHQL_URL: url, GRAPHQL_KEY: key, LIBRARY: library } = process.env;

export const TEXT = "subscription Activity($states: [WebhookEventStateEnum!]) { webhookActivity(states: $states) { id state } }";

const { subscribe } = await import(`./${library}.mjs`);
const first = (apiKey) =>
  new Promise((resolve) => {
    const headers = { authorization: `Bearer ${apiKey}` };
    const stop = subscribe({
      url,
      headers,
      query: TEXT,
      variables: { states: ["PENDING"] },
      onData: (data) => resolve({ data, stop }),
      onError: (error) => resolve({ error, stop }),
    });
  });

const { data, error, stop } = await first(key);
await stop();
const refused = await first("wrong");
// As text, because each library has its own form of an error: a close event, an HTTP response, a list.
const told = [refused.error].flat().map((one) => one?.code ?? one?.response?.status ?? one?.networkError?.code ?? `${one}`);
console.log(JSON.stringify({ data: data ?? null, error: error ? `${error}` : null, refused: refused.error ? told : null }));
process.exit(0);
