import type { Messages } from "@/shared/i18n/messages";

export const webhooks: Messages["webhooks"] = {
  addWebhook: "Webhook hinzufügen",
  notices: "Mitteilungen",
  noNotices: "Noch keine Mitteilungen.",
  noticeStates: { pending: "Wartet", delivered: "Zugestellt", dead: "Fehlgeschlagen" },
  answered: (status) => `HTTP ${status}`,
  newSecret: "Neues Geheimnis",
  kind: "Empfänger",
  kinds: { webhook: "Programm (Webhook)", fhir: "FHIR-Subscription", mail: "E-Mail", teams: "Microsoft Teams", slack: "Slack" },
  mailAddress: "E-Mail-Adresse",
  language: "Sprache",
  languages: { en: "Englisch", de: "Deutsch" },
  waitMinutes: "Sammeln für (Minuten)",
  quietHours: "Ruhezeiten",
  namesPatients: "Patienten, Patienten-IDs und Auftragsnummern nennen",
  namesPatientsShort: "Nennt Patienten",
  namesPatientsWarning:
    "Nachrichten bleiben in Postfächern und Chats, die dieser Knoten nicht schützt. Nur einschalten, wo der Empfänger es braucht; das Audit-Protokoll hält es fest.",
};
