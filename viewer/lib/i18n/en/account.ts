/** Oneself: who one is at this node, and one's own password. */
export const account = {
  title: "Your account",
  link: (name: string) => `Your account: ${name}`,
  signedInBy: "Signed in by",
  ways: {
    local: "nothing: this node runs without sign-in",
    account: "name and password",
    key: "a key",
    oidc: "your organisation",
  },
  noSignIn: "There is no password to change. An operator sets MEDIVIEW_AUTH=required to have people sign in.",
  elsewhere: "You have no password at this node. Change it where you sign in.",
  changePassword: "Change password",
  current: "Current password",
  next: "New password",
  again: "New password once more",
  notAlike: "The two new passwords are not alike.",
  othersEnd: "Wherever else you are signed in, you will have to sign in again.",
  isChanged: "Your password is changed.",
};
