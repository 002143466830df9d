import type { Messages } from "@/shared/i18n/messages";

export const account: Messages["account"] = {
  title: "Ihr Konto",
  link: (name) => `Ihr Konto: ${name}`,
  signedInBy: "Angemeldet durch",
  ways: {
    local: "nichts: Dieser Knoten läuft ohne Anmeldung",
    account: "Name und Passwort",
    key: "einen Schlüssel",
    oidc: "Ihre Organisation",
  },
  noSignIn: "Es gibt kein Passwort zu ändern. Mit MEDIVIEW_AUTH=required verlangt der Betreiber eine Anmeldung.",
  elsewhere: "An diesem Knoten haben Sie kein Passwort. Ändern Sie es dort, wo Sie sich anmelden.",
  changePassword: "Passwort ändern",
  current: "Bisheriges Passwort",
  next: "Neues Passwort",
  again: "Neues Passwort noch einmal",
  notAlike: "Die beiden neuen Passwörter sind nicht gleich.",
  othersEnd: "Wo immer Sie sonst angemeldet sind, müssen Sie sich neu anmelden.",
  isChanged: "Ihr Passwort ist geändert.",
  confirm: "Bestätigen Sie, wer Sie sind",
  passwordOf: (name) => `Passwort von ${name}`,
  confirmElsewhere: "Melden Sie sich bei Ihrer Organisation noch einmal an (in einem anderen Tab)",
  goOn: "Weiter",
  confirmed: "Sie haben bestätigt, wer Sie sind. Schließen Sie diesen Tab und fahren Sie im vorigen fort.",
  notConfirmed: "Die Anmeldung bei Ihrer Organisation hat nichts bestätigt. Schließen Sie diesen Tab und versuchen Sie es erneut.",
};
