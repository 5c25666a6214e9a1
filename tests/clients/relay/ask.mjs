// Reads adverts of every kind with Relay's runtime, then each again by its id, and prints the types that its store has
// under each id, and what it warns of. Environment: GRAPHQL_URL, GRAPHQL_KEY.
import { Environment, Network, RecordSource, Store, fetchQuery } from "relay-runtime";

import adverts from "./build/operationsAdvertsQuery.graphql.js";
import again from "./build/operationsAgainQuery.graphql.js";

const { GRAPHQL_URL: url, GRAPHQL_KEY: key } = process.env;
const warnings = [];
console.error = (...words) => warnings.push(words.join(" "));

async function answer({ text }, variables) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query: text, variables }) });
  return response.json();
}

const store = new Store(new RecordSource());
const environment = new Environment({ network: Network.create(answer), store });
const listed = await fetchQuery(environment, adverts, {}).toPromise();
const ids = listed.allAdverts.nodes.map(({ id }) => id);
const found = await fetchQuery(environment, again, { ids }).toPromise();
const types = Object.fromEntries(ids.map((id) => [id, store.getSource().get(id).__typename]));
console.log(JSON.stringify({ listed: listed.allAdverts.nodes, found: found.nodes, types, warnings }));
