// Ask a server that refuses at first; print the data, or the error.
import { OrderDocument, Tellgraph } from "@tellgraph/client";

const client = new Tellgraph({ url: process.env.GRAPHQL_URL!, key: "key", retries: Number(process.env.RETRIES) });
try {
  console.log(JSON.stringify(await client.run(OrderDocument, { id: "1" })));
} catch (error) {
  console.log((error as Error).name);
}
