import type { Messages } from "@/shared/i18n/messages";

export const storedStudies: Messages["storedStudies"] = {
  file: "Datei (DICOM)",
  studiesWhat:
    "Gespeicherte Studien. Eine Serie ist vollständig, wenn eine Weile nichts mehr eintraf, wenn alle angekündigten Instanzen da sind oder wenn Sie sie als vollständig markieren. Beim Löschen einer Studie oder Serie wird auch alles daraus Abgeleitete gelöscht.",
  findStudy: "Name, Patienten-ID, Auftragsnummer, Beschreibung",
  stored: "Gespeichert",
  series: "Serien",
  completeNow: "Als vollständig markieren",
  deleteStudy: "Studie löschen",
  deleteSeries: "Serie löschen",
  arrived: "Angekommen",
  announced: "Angekündigt",
  here: "hier eingegeben",
  withdraw: "Zurücknehmen",
  expectedCount: "Erwartete Instanzen",
  announce: "Ankündigen",
  of: "Studie",
};
