// Asks a running API by one client library with its persisted-query link, twice for each of three values, and prints
// what it got and sent. Environment: GRAPHQL_URL, GRAPHQL_KEY, LIBRARY (a file here without .mjs), METHOD (of hashes).
const { GRAPHQL_URL: url, GRAPHQL_KEY: key, LIBRARY: library, METHOD: method } = process.env;

const sent = [];
async function recordingFetch(target, options = {}) {
  const address = new URL(target);
  const body = options.body ? JSON.parse(options.body) : Object.fromEntries(address.searchParams);
  const response = await fetch(target, options);
  sent.push({ method: options.method ?? "GET", hasQuery: Boolean(body.query), status: response.status });
  return response;
}

const { makeClient } = await import(`./${library}.mjs`);
const headers = { authorization: `Bearer ${key}` };
const ask = makeClient({ url, headers, fetch: recordingFetch, getsHashes: method === "GET" });
const answers = [];
for (const ids of [[], ["SW52b2ljZS0x"], ["T3JkZXItMQ=="]]) answers.push(await ask({ ids }));
const refused = await makeClient({ url, headers: {}, fetch: recordingFetch, getsHashes: method === "GET" })({ ids: [] });
console.log(JSON.stringify({ answers, refused, sent }));
