// All audits of graphql-http against a running API: one line of JSON for each that is not passed, then how many were.
// Environment: GRAPHQL_URL, GRAPHQL_KEY (sent with every request).
import { serverAudits } from "graphql-http";

const { GRAPHQL_URL: url, GRAPHQL_KEY: key } = process.env;
const fetchFn = (target, { headers, ...rest } = {}) =>
  fetch(target, { ...rest, headers: { ...headers, authorization: `Bearer ${key}` } });

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  results.push(result);
  if (result.status !== "ok") {
    const answer = result.response;
    const body = answer && !answer.bodyUsed ? await answer.text() : undefined;
    console.log(JSON.stringify({ id: result.id, name: result.name, reason: result.reason, status: answer?.status, body }));
  }
}
const passed = results.filter(({ status }) => status === "ok").length;
console.log(JSON.stringify({ passed, audits: results.length }));
