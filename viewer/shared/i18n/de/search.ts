import type { Messages } from "@/shared/i18n/messages";

export const search: Messages["search"] = {
  title: "Befunde und Ergebnisse durchsuchen",
  what: "Sucht nach der Bedeutung, nicht nach genauen Wörtern: „fluid around the lung“ findet einen Erguss.",
  hint: "Was suchen Sie?",
  kind: "Suchen in",
  kinds: { all: "Alles", report: "Befunde", finding: "Ergebnisse" },
  kindOf: { report: "Befund", finding: "Ergebnis" },
  searched: (found, of) => `${found} von ${of} Textstellen, die besten Treffer zuerst.`,
  waiting: (n) => `${n} weitere sind noch nicht indexiert.`,
  nothing: "Es gibt noch nichts zu durchsuchen.",
  open: "Befunde durchsuchen",
  openHint: "Befunde und Ergebnisse nach Bedeutung durchsuchen (s)",
};
