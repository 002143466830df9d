import type { heatMaps as english } from "@/shared/i18n/en/overlays/heatMaps";

export const heatMaps: typeof english = {
  of: (label, frame) => `Heatmap: ${label}${frame === null ? "" : `, Bild ${frame}`}`,
  opacity: "Deckkraft der Heatmap",
  meaning: (label) => `Wie weit die Wahrscheinlichkeit von „${label}“ sinkt, wenn dieser Teil verdeckt ist. Umrandet sind Teile, die sie mindestens halb so weit senken wie der stärkste.`,
  byModel: (label, meaning) => `Was das Modell für „${label}“ selbst angibt: ${meaning} Umrandet sind Teile mit mindestens der Hälfte des höchsten Werts.`,
  caution: "Sie zeigt, worauf sich das Modell gestützt hat, nicht wo eine Krankheit ist.",
  nothing: (label) => `Kein verdeckter Teil senkt die Wahrscheinlichkeit von „${label}“.`,
  points: (points) => `−${points} Prozentpunkte`,
  unverified: "KI, nicht verifiziert (UNVERIFIED), nur für Forschung",
  mark: (label, pipeline, version) => `KI-Heatmap, nicht verifiziert: ${label} · ${pipeline} ${version}`,
  onImage: (labels) => `Heatmap von ${labels}`,
  key: "Heatmap des Bilds ein- und ausblenden",
};
