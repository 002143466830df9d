// What an integrator does first, with the types that openapi-typescript makes.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [url, key] = process.argv.slice(2);

const stranger = createClient<paths>({
  baseUrl: url,
  headers: { Authorization: "Bearer mvk_0123456789ab_wrong" },
});
const refused = await stranger.GET("/api/v1/studies");
assert.equal(refused.response.status, 401);
assert.equal(refused.error?.code, "credential_refused");

const node = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const studies = await node.GET("/api/v1/studies", { params: { query: { limit: 5 } } });
assert.equal(studies.data?.total, 0);
const models = await node.GET("/api/v1/models");
assert.ok(models.data?.items[0]?.name);

const step = {
  modality: "MR",
  scheduled_station_ae_title: "MR1",
  scheduled_procedure_step_start_date: "2026-11-30",
  scheduled_procedure_step_start_time: "08:30:00",
} as components["schemas"]["ScheduledStep"];
const body = {
  patient_name: "Müller^Jane",
  patient_id: "P-1",
  scheduled_procedure_step_sequence: [step],
} as components["schemas"]["NewWorklistItem"];
const made = await node.POST("/api/v1/worklist", { body });
assert.equal(made.response.status, 201);
const worklist_item_id = made.data?.worklist_item_id ?? "";
const params = { path: { worklist_item_id } };
const path = "/api/v1/worklist/{worklist_item_id}";
const read = await node.GET(path, { params });
assert.deepEqual(read.data, made.data);
const gone = await node.DELETE(path, { params });
assert.equal(gone.response.status, 204);
const missing = await node.GET(path, { params });
assert.equal(missing.error?.status, 404);
console.log("the story is complete");
