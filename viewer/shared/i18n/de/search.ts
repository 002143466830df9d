import type { Messages } from "@/shared/i18n/messages";

export const search: Messages["search"] = {
  title: "Befunde und Ergebnisse durchsuchen",
  what: "Findet Wörter und was dasselbe bedeutet: „Flüssigkeit um die Lunge“ findet einen Erguss, „Rundherd > 8 mm“ die größeren.",
  hint: "Was suchen Sie?",
  kind: "Suchen in",
  kinds: { all: "Alles", report: "Befunde", finding: "Ergebnisse" },
  kindOf: { report: "Befund", finding: "Ergebnis" },
  searched: (found, of) => `${found} von ${of} Textstellen, die besten Treffer zuerst.`,
  waiting: (n) => `${n} weitere sind noch nicht indexiert.`,
  nothing: "Es gibt noch nichts zu durchsuchen.",
  noneFound: "Nichts gefunden.",
  status: {
    uncertain: "unsicher",
    past: "früher",
    other: "gefragt oder bei einer anderen Person",
    denied: "verneint",
  },
  foundBy: { words: "Wörter stimmen überein", meaning: "ähnliche Bedeutung" },
  notes: {
    meaning_in_english_only:
      "Die Suche nach Bedeutung versteht Englisch. Bei deutschen Fragen findet sie genaue Wörter und bekannte Befunde.",
  },
  open: "Befunde durchsuchen",
  openHint: "Befunde und Ergebnisse nach Bedeutung durchsuchen (s)",
};
