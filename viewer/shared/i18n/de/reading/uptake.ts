import type { uptake as english } from "@/shared/i18n/en/reading/uptake";

export const uptake: typeof english = {
  title: "Anreicherung",
  hint: "Ziehen Sie auf diesem PET einen Kreis um eine Läsion: Er steht für eine Kugel, für die SUVpeak und das metabolische Volumen berechnet werden.",
  threshold: "Zählt ab",
  thresholds: { share41: "41 % von SUVmax", suv4: "SUV 4,0", suv25: "SUV 2,5" },
  region: "Kugel",
  regionNumber: (n) => `Kugel ${n}`,
  heads: { weight: ["SUVmax", "SUVpeak"], lean: ["SULmax", "SULpeak"] },
  normalisedBy: "Bezogen auf",
  normalisations: { bw: "Körpergewicht (SUVbw)", janmahasatian: "Magermasse (SUL, Janmahasatian)", james: "Magermasse (SUL, James)" },
  leanGaps: {
    sex: "Kein SUL: Die Kopfdaten nennen als Geschlecht weder M noch F, und die Formeln gelten für eines davon.",
    height: "Kein SUL: Die Kopfdaten nennen keine Größe (Patient's Size).",
    weight: "Kein SUL: Die Kopfdaten nennen kein Gewicht.",
    adult: "Kein SUL: Größe oder Gewicht der Kopfdaten ist nicht das eines Erwachsenen (1,2 bis 2,3 m, 30 bis 350 kg). Prüfen Sie die Einheiten.",
    formula: "Kein SUL: Die Formel von James gilt bei diesem Gewicht und dieser Größe nicht. Nehmen Sie die von Janmahasatian.",
  },
  volume: "ml",
  tlg: "TLG",
  total: "TMTV",
  totalHint: "Gesamtes metabolisches Tumorvolumen: Voxel, die in mehreren Kugeln liegen, zählen einmal",
  noPeak: "Eine Kugel von 1 ml passt hier nicht in die Bilder.",
  nothing: "kein Wert",
  byWeight: "SUVbw.",
  leanMethods: {
    janmahasatian: "SUL: SUVbw mal Magermasse durch Gewicht; Magermasse nach Janmahasatian (2005), 9270 W / (6680 + 216 BMI) bei Männern, 9270 W / (8780 + 244 BMI) bei Frauen. Feste Schwellen bleiben in SUVbw.",
    james: "SUL: SUVbw mal Magermasse durch Gewicht; Magermasse nach James (1976), 1,10 W − 128 (W / H)² bei Männern, 1,07 W − 148 (W / H)² bei Frauen, H in cm. Feste Schwellen bleiben in SUVbw.",
  },
  method:
    "Peak: höchster Mittelwert einer Kugel von 1 ml, deren Mitte ein zählender Voxel ist. Volumen: Voxel der Kugel ab der Schwelle, über den Bildern eingefärbt; auch Organe mit Anreicherung innerhalb einer Kugel zählen.",
};
