/** What administrators ask of the node; the roles of each are held by the node itself. */
import { dataOf, node } from "@/shared/api/api";
import { request } from "@/shared/api/http";
import type {
  AuditEvent,
  AuditVerification,
  Conflict,
  ConflictDecisions,
  ConflictDetail,
  Delivery,
  Hl7Message,
  Key,
  MadeKey,
  ModelAgreement,
  ModelDetail,
  ModelList,
  NewKey,
  NewPeer,
  NewUser,
  Page,
  DestinationKinds,
  Peer,
  PeerChange,
  Prior,
  PriorSearch,
  Shift,
  User,
  UserChange,
  NewWebhook,
  Webhook,
  WorklistChanges,
  WorklistItem,
} from "@/shared/api/types";

type Items<T> = { items: T[] };
export type ModelOrder = "verify" | "activate" | "shadow" | "retire";

type TestOutcome = { ok: boolean; sentence: string };

export const peers = {
  kinds: (signal?: AbortSignal) => dataOf<DestinationKinds>(node.GET("/api/v1/destination-kinds", { signal })),
  list: (signal?: AbortSignal) => dataOf<Items<Peer>>(node.GET("/api/v1/peers", { signal })),
  add: (body: NewPeer) => dataOf<Peer>(node.POST("/api/v1/peers", { body })),
  change: (name: string, body: PeerChange) =>
    dataOf<Peer>(node.PUT("/api/v1/peers/{name}", { params: { path: { name } }, body })),
  // Answers nothing: a failure is thrown.
  remove: (name: string) => node.DELETE("/api/v1/peers/{name}", { params: { path: { name } } }),
  test: (name: string) =>
    dataOf<TestOutcome>(node.POST("/api/v1/peers/{name}/test", { params: { path: { name } } })),
};

export interface DeliveryQuery {
  which: "troubled" | Delivery["state"] | "all";
  destination: string;
}

export const deliveries = {
  list: ({ which, destination }: DeliveryQuery, limit: number, offset: number, signal?: AbortSignal) => {
    const query = {
      limit,
      offset,
      destination: destination || undefined,
      troubled: which === "troubled" ? true : undefined,
      state: which === "troubled" || which === "all" ? undefined : which,
    };
    return dataOf<Page<Delivery>>(node.GET("/api/v1/deliveries", { params: { query }, signal }));
  },
  retry: (delivery_id: string) =>
    dataOf<Delivery>(
      node.POST("/api/v1/deliveries/{delivery_id}/retry", { params: { path: { delivery_id } } }),
    ),
  retryAll: (destination: string) =>
    dataOf<{ count: number }>(
      node.POST("/api/v1/deliveries/retry", { body: { destination: destination || null } }),
    ),
};

export const hl7Messages = {
  list: (state: Hl7Message["state"] | undefined, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<Hl7Message>>(
      node.GET("/api/v1/hl7/messages", { params: { query: { state, limit, offset } }, signal }),
    ),
  retry: (message_id: string) =>
    dataOf<Hl7Message>(
      node.POST("/api/v1/hl7/messages/{message_id}/retry", { params: { path: { message_id } } }),
    ),
};

export const priors = {
  list: (state: Prior["state"] | undefined, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<Prior>>(node.GET("/api/v1/priors", { params: { query: { state, limit, offset } }, signal })),
  retry: (study_instance_uid: string) =>
    dataOf<Prior>(
      node.POST("/api/v1/priors/{study_instance_uid}/retry", { params: { path: { study_instance_uid } } }),
    ),
};

export const priorSearches = {
  list: (state: Prior["state"] | undefined, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<PriorSearch>>(
      node.GET("/api/v1/priors/searches", { params: { query: { state, limit, offset } }, signal }),
    ),
  retry: (search_id: string) =>
    dataOf<PriorSearch>(
      node.POST("/api/v1/priors/searches/{search_id}/retry", { params: { path: { search_id } } }),
    ),
};

export const orders = {
  list: (limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<WorklistItem>>(
      node.GET("/api/v1/worklist", { params: { query: { limit, offset } }, signal }),
    ),
  callOff: (worklist_item_id: string) =>
    dataOf<WorklistItem>(
      node.PATCH("/api/v1/worklist/{worklist_item_id}", {
        params: { path: { worklist_item_id } },
        // What is left out stays as it is.
        body: { state: "cancelled" } as WorklistChanges,
      }),
    ),
};

export const conflicts = {
  list: (limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<Conflict>>(
      node.GET("/api/v1/conflicts", { params: { query: { limit, offset } }, signal }),
    ),
  get: (conflict_id: number, signal?: AbortSignal) =>
    dataOf<ConflictDetail>(
      node.GET("/api/v1/conflicts/{conflict_id}", { params: { path: { conflict_id } }, signal }),
    ),
  accept: (conflict_id: number) =>
    dataOf<Conflict>(
      node.POST("/api/v1/conflicts/{conflict_id}/accept", { params: { path: { conflict_id } } }),
    ),
  discard: (conflict_id: number) =>
    node.DELETE("/api/v1/conflicts/{conflict_id}", { params: { path: { conflict_id } } }),
  /** All that wait for one study. */
  decideStudy: (study_instance_uid: string, decision: "accept" | "discard") =>
    dataOf<ConflictDecisions>(
      node.POST("/api/v1/conflicts/decisions", {
        body: { decision, study_instance_uid, source: "", conflict_ids: [] },
      }),
    ),
};

export const models = {
  list: (signal?: AbortSignal) => dataOf<ModelList>(node.GET("/api/v1/models", { signal })),
  add: (upload_id: string, sha256: string) =>
    dataOf<ModelDetail>(node.POST("/api/v1/models", { body: { upload_id, sha256 } })),
  get: (name: string, signal?: AbortSignal) =>
    dataOf<ModelDetail>(node.GET("/api/v1/models/{name}", { params: { path: { name } }, signal })),
  agreement: (name: string, signal?: AbortSignal) =>
    dataOf<Items<ModelAgreement>>(
      node.GET("/api/v1/models/{name}/agreement", { params: { path: { name } }, signal }),
    ),
  drift: (signal?: AbortSignal) => dataOf<Items<Shift>>(node.GET("/api/v1/drift", { signal })),
  newBaseline: (pipeline: string, pipeline_version: string) =>
    dataOf<unknown>(node.POST("/api/v1/drift/baseline", { body: { pipeline, pipeline_version } })),
  order: (order: ModelOrder, name: string, version: string, reason: string) =>
    dataOf<ModelDetail>(
      node.POST(`/api/v1/models/{name}/${order}`, {
        params: { path: { name } },
        body: { version, reason },
      }),
    ),
};

export const users = {
  list: (signal?: AbortSignal) => dataOf<Items<User>>(node.GET("/api/v1/users", { signal })),
  add: (body: NewUser) => dataOf<User>(node.POST("/api/v1/users", { body })),
  change: (name: string, body: UserChange) =>
    dataOf<User>(node.PATCH("/api/v1/users/{name}", { params: { path: { name } }, body })),
};

export const keys = {
  list: (signal?: AbortSignal) => dataOf<Items<Key>>(node.GET("/api/v1/keys", { signal })),
  make: (body: NewKey) => dataOf<MadeKey>(node.POST("/api/v1/keys", { body })),
  revoke: (key_id: string) =>
    dataOf<Key>(node.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id } } })),
};

export interface AuditQuery {
  text: string;
  actor: string;
  patient_id: string;
  study_instance_uid: string;
  since?: string;
  until?: string;
  failures: boolean;
  limit: number;
  offset: number;
}

export const audit = {
  list: (query: AuditQuery, signal?: AbortSignal) =>
    dataOf<Page<AuditEvent>>(node.GET("/api/v1/audit", { params: { query }, signal })),
  verify: (signal?: AbortSignal) =>
    dataOf<AuditVerification>(node.GET("/api/v1/audit/verification", { signal })),
};

export const webhooks = {
  list: (signal?: AbortSignal) =>
    dataOf<Items<Webhook>>(node.GET("/api/v1/webhooks", { params: { query: { limit: 500 } }, signal })),
  add: (body: NewWebhook) =>
    dataOf<Webhook & { secret: string }>(node.POST("/api/v1/webhooks", { body })),
  turn: (webhook_id: string, is_active: boolean) =>
    dataOf<Webhook>(
      node.PATCH("/api/v1/webhooks/{webhook_id}", {
        params: { path: { webhook_id } },
        body: { is_active },
      }),
    ),
  ping: (webhook_id: string) =>
    dataOf<TestOutcome>(
      node.POST("/api/v1/webhooks/{webhook_id}/ping", { params: { path: { webhook_id } } }),
    ),
  remove: (webhook_id: string) =>
    node.DELETE("/api/v1/webhooks/{webhook_id}", { params: { path: { webhook_id } } }),
};

/** The numbers that monitors read, as Prometheus writes them. */
export async function metricsText(signal?: AbortSignal): Promise<string> {
  return (await request("/metrics", { signal })).text();
}
