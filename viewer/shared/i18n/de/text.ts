import type { Messages } from "@/shared/i18n/messages";

export const text: Messages["text"] = {
  title: "Texte",
  what: "Ein eigener Text, in Kürze oder ohne Namen und Nummern von Menschen. Der Knoten löscht ihn mit der Antwort, nach einem Tag, wenn das Haus nichts anderes einstellt.",
  text: "Text",
  hint: "Hier einen Brief oder Befund einsetzen.",
  summarize: "Zusammenfassen",
  takeOut: "Namen und Nummern entfernen",
  keepDates: "Daten stehen lassen",
  working: "Der Knoten liest den Text …",
  takenOut: (n) => (n === 1 ? "Eine Stelle wurde entfernt." : `${n} Stellen wurden entfernt.`),
  lookFirst: "Lesen Sie den Text, bevor er das Haus verlässt: Was keine Regel kennt, steht noch darin.",
  open: "Texte",
  openHint: "Einen Text zusammenfassen oder Namen und Nummern daraus entfernen",
};
