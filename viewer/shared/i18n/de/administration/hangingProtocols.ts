import type { Messages } from "@/shared/i18n/messages";

export const hangingProtocols: Messages["hangingProtocols"] = {
  hangingWhat:
    "Wie eine Studie beim Öffnen angeordnet wird. Die erste passende Hängung gilt; ohne eine werden die Serien einzeln gezeigt.",
  noHanging: "Keine Hängung: Jede Studie öffnet in einem Fenster.",
  appliesTo: "Für",
  layout: "Zeilen × Spalten",
  shows: "Zeigt",
  anyStudy: "jede Studie",
  linked: "gemeinsam geblättert",
  stages: (names) => `danach: ${names}`,
  prior: "frühere Studie:",
  hangingJson: "Alle Hängungen als JSON",
  undo: "Änderungen verwerfen",
  shipped: "Standard wiederherstellen",
  savedHanging: "Gespeichert. Gilt ab der nächsten geöffneten Studie.",
  noJson: "Kein gültiges JSON",
  noJsonRemedy: "Korrigieren Sie den Fehler und speichern Sie erneut.",
};
