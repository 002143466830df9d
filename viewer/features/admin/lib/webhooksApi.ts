/** Webhooks and their notifications. */
import { dataOf, node } from "@/shared/api/api";
import type { Page, Webhook, WebhookChange, WebhookNotice } from "@/shared/api/types";

const ofWebhook = (webhook_id: string) => ({ params: { path: { webhook_id } } });

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
