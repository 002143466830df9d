/** How administrators look after what comes in and goes out: beside `adminApi`, by the same client. */
import { dataOf, listStudies, node } from "@/shared/api/api";
import { wholeList } from "@/shared/lib/listAddress";
import type {
  Expectation,
  HangingProtocols,
  Job,
  JobState,
  NewOrder,
  Page,
  StudySummary,
  Webhook,
  WebhookChange,
  WebhookNotice,
  WorklistItem,
} from "@/shared/api/types";

const ofWebhook = (webhook_id: string) => ({ params: { path: { webhook_id } } });
const ofSeries = (series_instance_uid: string) => ({ params: { path: { series_instance_uid } } });

export const webhookKeeping = {
  change: (webhook_id: string, body: WebhookChange) =>
    dataOf<Webhook>(node.PATCH("/api/v1/webhooks/{webhook_id}", { ...ofWebhook(webhook_id), body })),
  newSecret: (webhook_id: string) =>
    dataOf<Webhook & { secret: string }>(
      node.POST("/api/v1/webhooks/{webhook_id}/secret", ofWebhook(webhook_id)),
    ),
  notices: (webhook_id: string, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<WebhookNotice>>(
      node.GET("/api/v1/webhooks/{webhook_id}/deliveries", {
        params: { path: { webhook_id }, query: { limit, offset } },
        signal,
      }),
    ),
  redeliver: (webhook_id: string, delivery_id: string) =>
    dataOf<WebhookNotice>(
      node.POST("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", {
        params: { path: { webhook_id, delivery_id } },
      }),
    ),
};

export function findStudies(
  text: string,
  limit: number,
  offset: number,
  signal?: AbortSignal,
): Promise<Page<StudySummary>> {
  return listStudies({ ...wholeList, text, limit, offset }, signal);
}

/** Says that nothing more comes. */
export const completion = {
  ofStudy: (study_instance_uid: string) =>
    dataOf<unknown>(
      node.POST("/api/v1/studies/{study_instance_uid}/complete", { params: { path: { study_instance_uid } } }),
    ),
  ofSeries: (study_instance_uid: string, series_instance_uid: string) =>
    dataOf<unknown>(
      node.POST("/api/v1/studies/{study_instance_uid}/series/{series_instance_uid}/complete", {
        params: { path: { study_instance_uid, series_instance_uid } },
      }),
    ),
};

const announced = "/api/v1/series/{series_instance_uid}/expectations";

export const expectations = {
  list: (series_instance_uid: string, signal?: AbortSignal) =>
    dataOf<{ items: Expectation[] }>(node.GET(announced, { ...ofSeries(series_instance_uid), signal })),
  announce: (series_instance_uid: string, instance_count: number, is_final: boolean) =>
    dataOf<Expectation>(
      node.PUT(announced, {
        ...ofSeries(series_instance_uid),
        body: { instance_count, is_final, sop_instance_uids: [] },
      }),
    ),
  withdraw: (series_instance_uid: string) => node.DELETE(announced, ofSeries(series_instance_uid)),
};

export const hanging = {
  get: (signal?: AbortSignal) =>
    dataOf<HangingProtocols>(node.GET("/api/v1/hanging-protocols", { signal })),
  put: (body: HangingProtocols) =>
    dataOf<HangingProtocols>(node.PUT("/api/v1/hanging-protocols", { body })),
  reset: () => node.DELETE("/api/v1/hanging-protocols"),
};

export const orderKeeping = {
  add: (body: NewOrder) => dataOf<WorklistItem>(node.POST("/api/v1/worklist", { body })),
  remove: (worklist_item_id: string) =>
    node.DELETE("/api/v1/worklist/{worklist_item_id}", { params: { path: { worklist_item_id } } }),
};

export const allJobs = {
  list: (state: JobState | undefined, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<Job>>(node.GET("/api/v1/jobs", { params: { query: { state, limit, offset } }, signal })),
  /** The picture that the job analysed, and all that was made of it. */
  removePicture: (job_id: string) =>
    node.DELETE("/api/v1/jobs/{job_id}", { params: { path: { job_id } } }),
  labelPictureUrl: (job_id: string) => `/api/v1/jobs/${job_id}/label-picture`,
};

/** The file of a conflict that was kept aside, byte for byte. */
export const conflictFileUrl = (conflict_id: number) => `/api/v1/conflicts/${conflict_id}/file`;
