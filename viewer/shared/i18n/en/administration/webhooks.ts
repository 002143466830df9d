/** For administrators: webhooks and their notifications. */
export const webhooks = {
  addWebhook: "Add a webhook",
  notices: "Notifications",
  noNotices: "No notifications yet.",
  noticeStates: { pending: "Waiting", delivered: "Delivered", dead: "Failed" },
  answered: (status: number) => `HTTP ${status}`,
  newSecret: "New secret",
  kind: "Receiver",
  kinds: { webhook: "Program (webhook)", fhir: "FHIR subscription", mail: "Mail", teams: "Microsoft Teams", slack: "Slack" },
  mailAddress: "Mail address",
  language: "Language",
  languages: { en: "English", de: "German" },
  waitMinutes: "Collect for (minutes)",
  quietHours: "Quiet hours",
  namesPatients: "Name patients, patient IDs and accession numbers",
  namesPatientsShort: "Names patients",
  namesPatientsWarning:
    "Messages stay in mailboxes and chats that this node does not protect. Switch this on only where the receiver needs it; it is recorded in the audit trail.",
};
