// urql without another library: it asks for Server-Sent Events itself.
import { fetchExchange } from "@urql/core";

import { urqlSubscribe } from "./urql.mjs";

export function subscribe({ url, headers, ...given }) {
  return urqlSubscribe({ url, fetchOptions: { headers }, fetchSubscriptions: true, exchanges: [fetchExchange] }, given);
}
