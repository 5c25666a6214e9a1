import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { ofClient } from "./of-client.mjs";

export const socketClient = ({ url, headers }) =>
  createClient({
    url: url.replace("http", "ws"),
    connectionParams: headers,
    webSocketImpl: WebSocket, // a browser, and node from 22 on, have their own
    retryAttempts: 0,
  });

export const makeClient = (options) => ofClient(socketClient(options));
