import type { Messages } from "@/shared/i18n/messages";

export const warnings: Messages["viewing"]["warnings"] = {
  lossy: (ratio) =>
    ratio ? `Verlustbehaftete Kompression, ${ratio} : 1` : "Verlustbehaftete Kompression",
  halfLife: (nuclide, stated, published) =>
    `Kein SUV: in den Kopfdaten steht eine Halbwertszeit von ${stated} s, die von ${nuclide} ist ${published} s`,
  noSuv: {
    units: "Kein SUV: die Werte sind nicht in Bq/ml",
    suv_type: "Kein SUV nach Körpergewicht: die Werte sind ein anderer SUV",
    no_radiopharmaceutical: "Kein SUV: die Kopfdaten nennen das Radiopharmakon nicht",
    several_radiopharmaceuticals: "Kein SUV: die Kopfdaten nennen mehrere Radiopharmaka",
    weight: "Kein SUV: das Körpergewicht fehlt oder ist nicht plausibel",
    attenuation: "Kein SUV: die Schwächung ist nicht korrigiert",
    decay_correction: "Kein SUV: die Kopfdaten nennen nicht, auf wann der Zerfall korrigiert ist",
    decay_contradicts: "Kein SUV: die Kopfdaten widersprechen sich darin, ob der Zerfall korrigiert ist",
    dose: "Kein SUV: die injizierte Aktivität fehlt oder ist nicht plausibel",
    dose_by_weight: "Kein SUV: die injizierte Aktivität ist beim angegebenen Gewicht nicht plausibel",
    half_life: "Kein SUV: die Halbwertszeit fehlt",
    start_day: "Kein SUV: in den Kopfdaten steht die Uhrzeit der Injektion ohne ihren Tag, und das Radionuklid hält Tage an",
    start_contradicts: "Kein SUV: zwei Zeiten der Injektion in den Kopfdaten widersprechen sich",
    times: "Kein SUV: die Zeiten von Injektion und Aufnahme fehlen oder widersprechen sich",
    made_later: "Kein SUV: die Serie ist nach ihrer Aufnahme datiert",
    decay: "Kein SUV: zwischen Injektion und Aufnahme liegen zu viele Halbwertszeiten",
    mixed: "Kein SUV: Die Bilder der Serie geben unterschiedliche Gewichte, Aktivitäten, Einheiten, Zerfallskorrekturen oder Zeiten an",
  },
  suvDoubts: {
    decay_factor: "SUV zweifelhaft: der Zerfallsfaktor der Kopfdaten gehört zu einer anderen Zeit als dem Beginn der Serie",
    real_world: "SUV zweifelhaft: die Kopfdaten selbst geben für den SUV einen anderen Wert",
  },
  noOrientation: "Keine Orientierung in den Kopfdaten",
  overlayInPixels: "Ein Overlay in unbenutzten Bits der Pixel wird nicht gezeichnet",
  ages: (byBirthDate, stated) =>
    `Geburtsdatum (${byBirthDate} bei der Untersuchung) und angegebenes Alter (${stated}) widersprechen sich: bitte prüfen, wessen Bilder das sind`,
  bornAfterStudy: "Das Geburtsdatum liegt nach dem Datum der Untersuchung: bitte prüfen, wessen Bilder das sind",
  sides: (series, image) => `Die Kopfdaten nennen zwei Seiten: Laterality ${series}, Image Laterality ${image}`,
};

export const caveats: Messages["viewing"]["caveats"] = {
  no_calibration: "Kein Pixelabstand: Längen in Pixeln",
  invalid_spacing: "Der Pixelabstand in den Kopfdaten ist ungültig",
  implausible_spacing: "Ein Pixelabstand in den Kopfdaten ist nicht plausibel",
  at_detector: "Auf dem Detektor kalibriert, nicht um die Vergrößerung korrigiert",
  estimated_magnification: "Um die geschätzte Vergrößerung korrigiert; gilt nur in dieser Tiefe",
  assumed_geometry: "Um die geometrische Vergrößerung korrigiert; gilt nur in der angenommenen Tiefe",
  fiducial: "An einem Objekt bekannter Größe kalibriert; gilt nur in dessen Tiefe",
  beam_center: "Gilt nur in der Mitte des Strahls und in der Tiefe des Objekts",
  correction_unstated: "Kalibriert auf eine Weise, die die Kopfdaten nicht nennen",
  circle_of_pixels: "Als Kreis in Pixeln gelesen, in mm eine Ellipse, wie es der Standard vorsieht; der Bericht nennt keine Größe, an der ein Kreis in mm zu erkennen wäre",
  calibration_unstated: "Die Kopfdaten nennen nicht, wie der Pixelabstand kalibriert wurde",
  scanned_medium: "Wie auf dem gescannten Film oder Papier gemessen, nicht wie im Patienten",
  localizer: "Ein Localizer ist eine Projektion: Längen gelten nur im Isozentrum",
  mosaic: "Ein Mosaik zeigt viele Schichten nebeneinander: Längen gelten nur innerhalb einer Schicht",
  regions_only: "Nur innerhalb der Ultraschallregionen kalibriert",
  by_hand: "Von Hand kalibriert, an einem Objekt angegebener Länge; gilt nur in dessen Tiefe",
};

export const obstacles: Messages["viewing"]["obstacles"] = {
  outside_regions: "Nicht messbar: außerhalb der kalibrierten Ultraschallregionen",
  leaves_region: "Nicht messbar: verlässt die kalibrierte Ultraschallregion",
  crosses_regions: "Nicht messbar: reicht von einer Ultraschallregion in eine andere",
  overlapping_regions: "Nicht messbar: dort überlappen Ultraschallregionen mit verschiedenem Maßstab",
  region_beyond_image: "Nicht messbar: das Bild wurde nach der Kalibrierung beschnitten oder skaliert",
  region_without_units: "Nicht messbar: die Ultraschallregion hat keine brauchbaren Einheiten",
  region_implausible: "Nicht messbar: die Pixelgröße der Ultraschallregion ist nicht plausibel",
  shape_on_axes: "Nicht messbar: die Richtungen der Ultraschallregion sind nicht beide Längen",
  pixels_not_square: "Nicht messbar: die Pixel sind nicht quadratisch und von unbekannter Größe",
};
