import type { Messages } from "@/shared/i18n/messages";

export const search: Messages["search"] = {
  title: "Befunde und Ergebnisse durchsuchen",
  what: "Nach dem Sinn, nicht nach Buchstaben: „fluid around the lung“ findet einen Erguss.",
  hint: "Was suchen Sie?",
  kind: "Was durchsucht wird",
  kinds: { all: "Alles", report: "Befunde", finding: "Ergebnisse" },
  kindOf: { report: "Befund", finding: "Ergebnis" },
  searched: (found, of) => `${found} gefunden unter ${of} Textstellen, die nächste zuerst.`,
  waiting: (n) => `${n} weitere sind noch nicht auffindbar.`,
  nothing: "Noch steht hier nichts, das zu finden wäre.",
  open: "Befunde durchsuchen",
  openHint: "Befunde und Ergebnisse nach Sinn durchsuchen (s)",
};
