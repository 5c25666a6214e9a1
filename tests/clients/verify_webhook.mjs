// Verifies a delivery with one of the subscribers' libraries: `{library, secret, headers, body}` on standard input.
// Prints the payload's JSON; exits with 1 and the library's message when the delivery does not verify.
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync(0, "utf8"));
const { Webhook } = await import(given.library);
try {
  const webhook = new Webhook(given.secret);
  webhook.verify(given.body, given.headers);
  console.log(JSON.stringify(JSON.parse(given.body)));
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
}
