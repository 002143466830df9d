import type { uptake as english } from "@/shared/i18n/en/uptake";

export const uptake: typeof english = {
  title: "Anreicherung",
  hint: "Ziehen Sie auf diesem PET einen Kreis um eine Läsion: Er steht für eine Kugel, für die SUVpeak und das metabolische Volumen berechnet werden.",
  threshold: "Zählt ab",
  thresholds: { share41: "41 % von SUVmax", suv4: "SUV 4,0", suv25: "SUV 2,5" },
  region: "Kugel",
  regionNumber: (n) => `Kugel ${n}`,
  max: "SUVmax",
  peak: "SUVpeak",
  volume: "ml",
  tlg: "TLG",
  total: "TMTV",
  totalHint: "Gesamtes metabolisches Tumorvolumen: Voxel, die in mehreren Kugeln liegen, zählen einmal",
  noPeak: "Eine Kugel von 1 ml passt hier nicht in die Bilder.",
  nothing: "kein Wert",
  method:
    "SUVbw. SUVpeak: höchster Mittelwert einer Kugel von 1 ml, deren Mitte ein zählender Voxel ist. Volumen: Voxel der Kugel ab der Schwelle, über den Bildern eingefärbt; auch Organe mit Anreicherung innerhalb einer Kugel zählen.",
};
