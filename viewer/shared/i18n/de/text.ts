import type { Messages } from "@/shared/i18n/messages";

export const text: Messages["text"] = {
  title: "Texte",
  what: "Einen Text zusammenfassen oder Namen und Kennungen daraus entfernen. Text und Antwort werden nach einem Tag gelöscht, sofern der Standort nichts anderes festlegt.",
  text: "Text",
  hint: "Text hier einfügen.",
  summarize: "Zusammenfassen",
  takeOut: "Namen und Kennungen entfernen",
  keepDates: "Datumsangaben behalten",
  working: "Der Text wird verarbeitet…",
  takenOut: (n) => (n === 1 ? "Eine Stelle wurde entfernt." : `${n} Stellen wurden entfernt.`),
  lookFirst: "Lesen Sie den Text, bevor Sie ihn weitergeben: Kennungen, die keine Regel erkennt, stehen noch darin.",
  open: "Texte",
  openHint: "Einen Text zusammenfassen oder Namen und Kennungen daraus entfernen",
};
