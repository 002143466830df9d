import type { Messages } from "@/shared/i18n/messages";

export const patientChanges: Messages["patientChanges"] = {
  what: "Was HL7-Nachrichten und Administratoren über Patienten gemeldet haben: Korrekturen, Zusammenführungen, Verknüpfungen und verschobene Studien. Wird eine Änderung rückgängig gemacht, gelten die anderen weiter, und die gespeicherten Bilder bleiben, wie sie kamen.",
  kinds: {
    demographics: "Korrektur",
    merge: "Zusammenführung",
    move: "Verschobene Studie",
    link: "Verknüpfung",
  },
  change: "Änderung",
  by: "Von",
  reason: "Grund",
  patient: "Patient",
  none: "Keine Änderungen.",
  corrected: (patient) => `${patient} korrigiert`,
  merged: (from, into) => `${from} mit ${into} zusammengeführt`,
  linked: (one, other) => `${one} mit ${other} verknüpft`,
  moved: (patient) => `Studie nach ${patient} verschoben`,
  issuedBy: (id, issuer) => `${id} von ${issuer}`,
  undo: "Rückgängig machen",
  unlink: "Verknüpfung aufheben",
  undone: (who) => `rückgängig gemacht von ${who}`,
  link: "Zwei Patienten-IDs verknüpfen",
  linkWhat: "Sie gelten für Voruntersuchungen, Verläufe und Suche als ein Patient. Beide bleiben in Gebrauch.",
  linkedNow: (studies: number) =>
    studies === 0
      ? "Verknüpft."
      : studies === 1
        ? "Verknüpft. 1 Untersuchung zählt nun auch für die andere ID."
        : `Verknüpft. ${studies} Untersuchungen zählen nun auch für die andere ID.`,
  id: "Patienten-ID",
  issuer: "Vergeben von",
  otherId: "Andere Patienten-ID",
  otherIssuer: "Vergeben von (andere ID)",
  find: "Im Patientenverzeichnis des Krankenhauses suchen",
  findWhat: "Nach Patienten-ID, Familienname oder Geburtsdatum (IHE PDQ).",
  search: "Suchen",
  family: "Familienname",
  given: "Vorname",
  nobody: "Niemand gefunden.",
  ids: "IDs",
};
