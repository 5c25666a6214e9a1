// Compiles each JSON Schema of a list on standard input by ajv, with `strict: true`; prints the message of each that
// does not compile, and how many there were.
import { readFileSync } from "node:fs";

import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const schemas = JSON.parse(readFileSync(0, "utf8"));
const refused = [];
for (const schema of schemas) {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  addFormats.default(ajv);
  try {
    ajv.compile(schema);
  } catch (error) {
    refused.push(error.message);
  }
}
console.log(JSON.stringify({ compiled: schemas.length - refused.length, refused }));
