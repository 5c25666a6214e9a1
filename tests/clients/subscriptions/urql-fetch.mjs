// urql without another library: it asks for Server-Sent Events itself.
import { fetchExchange } from "@urql/core";

import { ofUrql } from "./urql.mjs";

export const makeClient = ({ url, headers }) =>
  ofUrql({ url, fetchOptions: { headers }, fetchSubscriptions: true, exchanges: [fetchExchange] });
