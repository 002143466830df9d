/** Before and beside the pages: sign-in, a wrong address, what one may not see. */
export const entry = {
  signIn: "Sign in",
  signingIn: "Signing in",
  name: "Name",
  password: "Password",
  failed: "Sign-in failed",
  providerFailed: "The sign-in at your organisation did not work here.",
  providerRemedy: "Try again. If it fails again, ask an administrator whether you have a role at this node.",
  notMedical: "Not a medical device: results are for research and evaluation.",
  opening: "Opening",
  noPage: "There is no page here.",
  toList: "Go to the study list",
  adminsOnly: "For administrators",
  adminsOnlyWhy: (name: string, roles: string) =>
    `You are signed in as ${name} (${roles}). These pages are for administrators.`,
  adminsOnlyRemedy: "Ask an administrator for the role, then sign in again.",
};
