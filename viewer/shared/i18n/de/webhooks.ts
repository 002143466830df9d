import type { Messages } from "@/shared/i18n/messages";

export const webhooks: Messages["webhooks"] = {
  addWebhook: "Webhook hinzufügen",
  notices: "Mitteilungen",
  noNotices: "Noch keine Mitteilungen.",
  noticeStates: { pending: "Wartet", delivered: "Zugestellt", dead: "Fehlgeschlagen" },
  answered: (status) => `HTTP ${status}`,
  newSecret: "Neues Geheimnis",
};
