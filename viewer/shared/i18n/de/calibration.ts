import type { Messages } from "@/shared/i18n/messages";

export const warnings: Messages["viewing"]["warnings"] = {
  lossy: (ratio) =>
    ratio ? `Verlustbehaftete Kompression, ${ratio} : 1` : "Verlustbehaftete Kompression",
  halfLife: (nuclide, stated, published) =>
    `Kein SUV: in den Kopfdaten steht eine Halbwertszeit von ${stated} s, die von ${nuclide} ist ${published} s`,
  noOrientation: "Keine Orientierung in den Kopfdaten",
};

export const caveats: Messages["viewing"]["caveats"] = {
  no_calibration: "Kein Pixelabstand: Längen in Pixeln",
  invalid_spacing: "Der Pixelabstand in den Kopfdaten ist ungültig",
  at_detector: "Auf dem Detektor kalibriert, nicht um die Vergrößerung korrigiert",
  estimated_magnification: "Um die geschätzte Vergrößerung korrigiert; gilt nur in dieser Tiefe",
  assumed_geometry: "Um die geometrische Vergrößerung korrigiert; gilt nur in der angenommenen Tiefe",
  fiducial: "An einem Objekt bekannter Größe kalibriert; gilt nur in dessen Tiefe",
  beam_center: "Gilt nur in der Mitte des Strahls und in der Tiefe des Objekts",
  correction_unstated: "Kalibriert auf eine Weise, die die Kopfdaten nicht nennen",
  calibration_unstated: "Die Kopfdaten nennen nicht, wie der Pixelabstand kalibriert wurde",
  scanned_medium: "Wie auf dem gescannten Film oder Papier gemessen, nicht wie im Patienten",
  localizer: "Ein Localizer ist eine Projektion: Längen gelten nur im Isozentrum",
  mosaic: "Ein Mosaik zeigt viele Schichten nebeneinander: Längen gelten nur innerhalb einer Schicht",
  regions_only: "Nur innerhalb der Ultraschallregionen kalibriert",
};

export const obstacles: Messages["viewing"]["obstacles"] = {
  outside_regions: "Nicht messbar: außerhalb der kalibrierten Ultraschallregionen",
  leaves_region: "Nicht messbar: verlässt die kalibrierte Ultraschallregion",
  crosses_regions: "Nicht messbar: reicht von einer Ultraschallregion in eine andere",
  overlapping_regions: "Nicht messbar: dort überlappen Ultraschallregionen mit verschiedenem Maßstab",
  region_beyond_image: "Nicht messbar: das Bild wurde nach der Kalibrierung beschnitten oder skaliert",
  region_without_units: "Nicht messbar: die Ultraschallregion hat keine brauchbaren Einheiten",
  shape_on_axes: "Nicht messbar: die Richtungen der Ultraschallregion sind nicht beide Längen",
  pixels_not_square: "Nicht messbar: die Pixel sind nicht quadratisch und von unbekannter Größe",
};
