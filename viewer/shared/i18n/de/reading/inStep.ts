import type { inStep as english, ofPatient as englishOfPatient } from "@/shared/i18n/en/reading/inStep";

export const inStep: typeof english = {
  open: "Zweites Fenster",
  hint: "Zweites Fenster: öffnet diese Ansicht nochmals, für einen weiteren Monitor; Fenster derselben Person zeigen dieselbe Stelle",
  with: "Was dieses Fenster von den anderen übernimmt",
  modes: { position: "Im Gleichlauf", window: "Im Gleichlauf, mit Fensterung", off: "Für sich" },
};

export const ofPatient: typeof englishOfPatient = {
  title: (n, id, issuer) =>
    `${n === 0 ? "Keine Studie hat" : n === 1 ? "Eine Studie hat" : `${n} Studien haben`} die Patienten-ID ${id}${issuer && ` von ${issuer}`}.`,
  none: "Die Bilder sind vielleicht noch nicht angekommen, oder der Zugriff fehlt. Bitte die Patienten-ID und ihren Aussteller prüfen.",
  severalPersons: "Diese Studien nennen unter einer Patienten-ID verschiedene Namen oder Geburtsdaten. Bitte prüfen, wessen Studie Sie öffnen.",
};
