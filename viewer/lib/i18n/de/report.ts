import type { Messages } from "@/lib/i18n";

export const report: Messages["report"] = {
  tab: "Befund",
  findingsTab: "KI-Ergebnisse",
  none: "Zu dieser Studie gibt es noch keinen Befund.",
  draft: "Befund entwerfen",
  states: { draft: "Entwurf", preliminary: "Vorläufig", final: "Signiert", amended: "Signiert, geändert" },
  moves: {
    draft: "Zurück zum Entwurf",
    preliminary: "Als vorläufig kennzeichnen",
    final: "Signieren",
    amended: "Ändern…",
  },
  actions: "Was mit dem Befund geschehen kann",
  node: "vom Knoten",
  version: (n, when, who) => `Version ${n}, ${when}, ${who}.`,
  signed: (who, when) => `Signiert von ${who}, ${when}.`,
  edit: "Bearbeiten",
  editing: "Befund bearbeiten",
  editHint:
    "Ein Satz je Zeile. ..Wort und Tab setzt einen Baustein ein. Strg und Eingabe speichert, Esc verlässt.",
  reason: "Warum wird geändert?",
  amendButton: "Änderung signieren",
  newerCame: (n, who) =>
    `Version ${n} ${who} kam während des Schreibens. Speichern setzt Ihren Text an ihre Stelle; sie bleibt unter den Versionen.`,
  saveOver: "Darüber speichern",
  phrases: "Textbausteine",
  phraseWord: "Wort",
  removePhrase: (word) => `Baustein ${word} entfernen`,
  keepSelected: "Markierten Text behalten",
  selectFirst: "Zuerst Text in einem Abschnitt markieren.",
  lookHint:
    "Auf einen Satz zeigen oder mit Tab zu ihm gehen: Worauf er beruht, erscheint hier und im Bild.",
  bases: {
    findings: "Beruht auf Ergebnissen:",
    headers: "Beruht auf den Kopfdaten der Bilder.",
    request: "Beruht auf der Anforderung.",
    node: "Sagt, was dieser Knoten tat.",
    person: "Beruht auf dem Wort eines Menschen.",
  },
  withPrior: "Verglichen mit einer früheren Studie.",
  origins: {
    template: () => "Aus der Vorlage",
    model: (author) => `Formuliert vom Modell ${author}`,
    person: (author) => `Geschrieben von ${author}`,
  },
  newDraft: "Der Entwurf, wie er jetzt wäre",
  takeDraft: "Neuen Entwurf nehmen",
  leaveText: "Meinen Text lassen",
  versions: (n) => `Versionen (${n})`,
  changes: (from, to) => `Änderungen von Version ${from} zu ${to}`,
  noChange: "Der Text ist derselbe.",
};
