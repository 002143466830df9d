import type { Messages } from "@/shared/i18n/messages";

export const runs: Messages["runs"] = {
  what:
    "Eine Auswertung über gespeicherte Studien laufen lassen, einige zugleich und hinter allem anderen. Ergebnisse bleiben auf diesem Knoten, und es entstehen weder Befundentwürfe noch Alarme, sofern Sie nichts anderes festlegen.",
  start: "Auswertung über gespeicherte Studien starten",
  from: "Studiendatum von",
  to: "Studiendatum bis",
  words: "Wörter (Patient, Beschreibung, Nummer)",
  atOnce: "Studien gleichzeitig",
  send: "Ergebnisse senden, Befundentwürfe und Alarme erzeugen",
  count: "Studien zählen",
  startOver: (count) => (count === 1 ? "Über 1 Studie starten" : `Über ${count} Studien starten`),
  matching: (count) => (count === 1 ? "1 Studie passt." : `${count} Studien passen.`),
  none: "Es wurde noch kein Lauf gestartet.",
  studies: "Studien",
  reason: "Grund",
  atOnceOf: (count) => `${count} gleichzeitig`,
  sends: "Ergebnisse werden gesendet",
  stays: "Ergebnisse bleiben hier",
  show: "Studien zeigen",
  pause: "Anhalten",
  resume: "Fortsetzen",
  cancel: "Abbrechen",
  states: { running: "Läuft", paused: "Angehalten", completed: "Abgeschlossen", cancelled: "Abgebrochen" },
  outcomes: {
    waiting: "wartend",
    started: "in Arbeit",
    completed: "abgeschlossen",
    refused: "nicht angenommen",
    failed: "fehlgeschlagen",
    cancelled: "abgebrochen",
  },
};
