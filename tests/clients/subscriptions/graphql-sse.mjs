import { createClient } from "graphql-sse";

import { ofClient } from "./of-client.mjs";

export const makeClient = ({ url, headers }) => ofClient(createClient({ url, headers, retryAttempts: 0 }));
