import { createClient } from "graphql-ws";
import WebSocket from "ws";

export const socketClient = ({ url, headers }) =>
  createClient({
    url: url.replace("http", "ws"),
    connectionParams: headers,
    webSocketImpl: WebSocket, // a browser, and node from 22 on, have their own
    retryAttempts: 0,
  });

export function subscribe({ url, headers, query, variables, onData, onError }) {
  const client = socketClient({ url, headers });
  return client.subscribe({ query, variables }, { next: ({ data }) => onData(data), error: onError, complete: () => {} });
}
