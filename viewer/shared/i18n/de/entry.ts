import type { Messages } from "@/shared/i18n/messages";

export const entry: Messages["entry"] = {
  signIn: "Anmelden",
  signingIn: "Wird angemeldet",
  name: "Name",
  password: "Passwort",
  failed: "Anmeldung fehlgeschlagen",
  providerFailed: "Die Anmeldung bei Ihrer Organisation gelang hier nicht.",
  providerRemedy:
    "Versuchen Sie es erneut. Gelingt es wieder nicht, fragen Sie einen Administrator, ob Sie an diesem Knoten eine Rolle haben.",
  notMedical: "Kein Medizinprodukt: Die Ergebnisse dienen Forschung und Erprobung.",
  opening: "Wird geöffnet",
  noPage: "Hier ist keine Seite.",
  toList: "Zur Studienliste",
  adminsOnly: "Für Administratoren",
  adminsOnlyWhy: (name, roles) =>
    `Sie sind angemeldet als ${name} (${roles}). Diese Seiten sind für Administratoren.`,
  adminsOnlyRemedy: "Bitten Sie einen Administrator um die Rolle und melden Sie sich erneut an.",
};
