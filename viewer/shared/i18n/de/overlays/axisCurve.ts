import type { axisCurve as english } from "@/shared/i18n/en/overlays/axisCurve";

export const axisCurve: typeof english = {
  title: "Verlauf an einem Punkt",
  pick: "Punkte anklicken",
  inMiddle: "In der Bildmitte",
  clear: "Verläufe entfernen",
  hint: (most) => `Klicken Sie auf das Bild. Mit Umschalt bleiben die bisherigen Verläufe, höchstens ${most}.`,
  point: (n, column, row, place) => `Punkt ${n}: Spalte ${column}, Zeile ${row}, Ort ${place}`,
  value: "Wert",
  noValues: "Diese Bilder haben keinen einzelnen Wert je Pixel (Farbe).",
  csvHint: "Verläufe als Tabelle herunterladen (CSV)",
  source: (keyword) =>
    keyword === ""
      ? "Die Kopfdaten zählen diese Bilder nur; sie nennen keine Zeiten oder Werte."
      : keyword === "AcquisitionTime"
        ? "Seit dem ersten Bild, nach Acquisition Time der Kopfdaten."
        : `Nach ${keyword} der Kopfdaten.`,
  columns: [
    "Punkt",
    "Ort",
    "Spalte",
    "Zeile",
    "Schritt",
    "Achse",
    "Stelle",
    "Einheit der Achse",
    "Angegeben durch",
    "Wert",
    "Größe",
    "Einheit (UCUM)",
    "SOP Instance UID",
  ],
};
