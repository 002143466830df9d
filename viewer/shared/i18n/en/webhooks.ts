/** For administrators: webhooks and their notifications. */
export const webhooks = {
  addWebhook: "Add a webhook",
  notices: "Notifications",
  noNotices: "No notifications yet.",
  noticeStates: { pending: "Waiting", delivered: "Delivered", dead: "Failed" },
  answered: (status: number) => `HTTP ${status}`,
  newSecret: "New secret",
};
