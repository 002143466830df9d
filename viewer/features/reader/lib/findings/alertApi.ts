/** Alerts of critical findings, which wait until a person acknowledges them. */
import { dataOf, node } from "@/shared/api/api";
import type { Alert } from "@/shared/api/types";

export async function openAlerts(study_instance_uid: string, signal: AbortSignal): Promise<Alert[]> {
  const query = { study_instance_uid, state: "open" as const, limit: 100 };
  return (await dataOf<{ items: Alert[] }>(node.GET("/api/v1/alerts", { params: { query }, signal }))).items;
}

export function acknowledge(alert_id: string, note: string): Promise<Alert> {
  const params = { path: { alert_id } };
  return dataOf<Alert>(node.POST("/api/v1/alerts/{alert_id}/acknowledge", { params, body: { note } }));
}
