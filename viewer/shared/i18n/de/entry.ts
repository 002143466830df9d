import type { Messages } from "@/shared/i18n/messages";

export const entry: Messages["entry"] = {
  signIn: "Anmelden",
  signingIn: "Wird angemeldet",
  name: "Name",
  password: "Passwort",
  secondFactor: "Zweiter Faktor",
  secondFactorWhat: "Das Passwort war richtig. Zeigen Sie nun Ihren zweiten Faktor.",
  code: "Code der Authenticator-App",
  recoveryCode: "Wiederherstellungscode",
  useRecoveryCode: "Stattdessen einen Wiederherstellungscode verwenden",
  useFactor: "Stattdessen einen anderen Weg nehmen",
  useKey: "Sicherheitsschlüssel verwenden",
  initialPassword: "Wählen Sie ein eigenes Passwort",
  initialPasswordWhat: "Ihr Passwort hat jemand anderes gesetzt. Wählen Sie ein anderes; dann sind Sie angemeldet.",
  setUp: "Zweiten Faktor einrichten",
  setUpWhat: "Ihre Rolle braucht neben dem Passwort einen zweiten Faktor. Richten Sie einen ein; dann sind Sie angemeldet.",
  startAgain: "Als jemand anderes anmelden",
  failed: "Anmeldung fehlgeschlagen",
  providerFailed: "Die Anmeldung bei Ihrer Organisation ist fehlgeschlagen.",
  providerRemedy:
    "Versuchen Sie es erneut. Gelingt es wieder nicht, fragen Sie einen Administrator, ob Sie an diesem Knoten eine Rolle haben.",
  notMedical: "Kein Medizinprodukt: Die Ergebnisse dienen Forschung und Erprobung.",
  opening: "Wird geöffnet",
  noPage: "Seite nicht gefunden.",
  toList: "Zur Studienliste",
  adminsOnly: "Für Administratoren",
  adminsOnlyWhy: (name, roles) =>
    `Sie sind angemeldet als ${name} (${roles}). Diese Seiten sind für Administratoren.`,
  adminsOnlyRemedy: "Bitten Sie einen Administrator um die Administratorrolle und melden Sie sich erneut an.",
};
