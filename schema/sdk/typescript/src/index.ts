export { Tellgraph, type ClientOptions, type RunOptions } from "./client.js";
export type { Document } from "./document.js";
export * from "./errors.js";
export { feed, type FeedOptions } from "./feed.js";
export * from "./generated/graphql.js";
export { Receiver, type Delivery, type Payload } from "./receiver.js";
