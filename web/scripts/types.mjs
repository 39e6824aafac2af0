// Types of the API, from the OpenAPI documents that are committed in docs/api.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import openapi, { astToString } from "openapi-typescript";

const DOCUMENTS = join(import.meta.dirname, "../../docs/api");
const TARGET = join(import.meta.dirname, "../src/generated");

await mkdir(TARGET, { recursive: true });
for (const service of ["gateway", "members", "points", "campaigns", "analytics"]) {
  const document = JSON.parse(await readFile(join(DOCUMENTS, `${service}.json`), "utf8"));
  await writeFile(join(TARGET, `${service}.d.ts`), astToString(await openapi(document, { defaultNonNullable: false })));
}
