import type { doses as english } from "@/shared/i18n/en/overlays/doses";

export const doses: typeof english = {
  title: "Dosis",
  none: "Keine Dosis über den Bildern",
  unnamed: (n) => `Dosis ${n}`,
  wash: "Farbflächen",
  lines: "Isodosenlinien",
  opacity: "Deckkraft der Farbflächen",
  reference: "100 % sind",
  byPlan: (targets) => (targets > 1 ? `Höchste Verschreibung des Plans für ${targets} Zielvolumen.` : "Verschreibung des Plans für das Zielvolumen."),
  byMost: "Maximum des Gitters; keine Verschreibung wird zugrunde gelegt.",
  byReader: "Von Ihnen festgelegt.",
  most: (dose) => `Maximum ${dose}.`,
  notInVolume: "Im Volumen wird die Dosis nicht gezeichnet.",
  notInSlabs: "In drei Ebenen liegt die Dosis über Schichten, nicht über Schichtpaketen.",
  otherFrame: "Diese Serie hat ein anderes Bezugssystem (Frame of Reference) als die Dosis; sie wird hier nicht gezeichnet.",
  histogram: "Dosis-Volumen-Histogramm",
  noStructures: "Kein Struktursatz in dieser Studie.",
  dose: "Dosis",
  prescription: (targets) => (targets > 1 ? `Höchste Verschreibung des Plans für ${targets} Zielvolumen` : "Verschreibung des Plans für das Zielvolumen"),
  structure: "Struktur",
  volume: "ml",
  columns: (unit) => ["Min", "Mittel", "Max", "D98%", "D95%", "D50%", "D2%"].map((name) => (unit ? `${name} ${unit}` : name)),
  outside: (percent) => `${percent} % außerhalb des Gitters, nicht gezählt`,
  wideGap: (mm) => `Konturen bis ${mm} mm auseinander, von beiden Seiten gefüllt`,
  parted: (mm) => `als getrennte Teile gezählt, ${mm} mm auseinander`,
  method:
    "Hier berechnet aus den Konturen und dem Dosisgitter: Jede Kontur steht für die Schicht bis zur halben Strecke zu ihren Nachbarn, Konturen in anderen sind Löcher, Dosen werden linear interpoliert. Planungssysteme weichen bei kleinen Strukturen um einige Prozent ab.",
  stored: "wie gespeichert",
  storedHint: "Wie sein Planungssystem es berechnet und in der Dosis gespeichert hat; gestrichelt gezeichnet.",
  storedMethod: "Gestrichelte Kurven und die Zeilen „wie gespeichert“ stammen aus der Datei der Dosis selbst und sind nicht hier berechnet.",
  storedOther: (n) =>
    n === 1
      ? "Ein weiteres Histogramm der Datei wird nicht gezeichnet: Es gehört zu mehreren Strukturen, zu einem anderen Struktursatz oder einer anderen Art von Dosis oder sagt zu wenig."
      : `${n} weitere Histogramme der Datei werden nicht gezeichnet: Sie gehören zu mehreren Strukturen, zu einem anderen Struktursatz oder einer anderen Art von Dosis oder sagen zu wenig.`,
  sumOf: (n) => `Summe von ${n} Dosen`,
  addUp: "Dosen addieren",
  kindNames: { physical: "physikalische", effective: "effektive", relative: "relative", unstated: "nicht bezeichnete" },
  sumIs: (doses, kind, unit) => `Summe von ${doses.join(" + ")}: ${kind} Dosen, ${unit}.`,
  sumMethod:
    "Voxel für Voxel auf dem feinsten der Gitter addiert, die anderen linear interpoliert. Wo eines nicht hinreicht, wird keine Summe gezeichnet oder gezählt.",
  sumCaveat:
    "Die Fraktionierung wird nicht gewichtet, und ein gemeinsames Bezugssystem belegt nicht, dass die Organe bei jeder Behandlung am selben Ort lagen.",
  sumObstacles: {
    frame: "Diese Dosen werden nicht addiert: Sie liegen in verschiedenen Bezugssystemen (Frame of Reference) oder nennen keines.",
    kind: "Diese Dosen werden nicht addiert: Physikalische und effektive Dosen sind nicht dieselbe Größe.",
    relative: "Diese Dosen werden nicht addiert: Relative Dosen haben keine Einheit.",
    unstated: "Diese Dosen werden nicht addiert: Eine gibt nicht an, ob sie physikalisch oder effektiv ist (Dose Type).",
    counted_twice:
      "Diese Dosen werden nicht addiert: Zwei gehören zu einem Plan und nicht beide zu einzelnen Feldern (Dose Summation Type); was sie gemeinsam haben, würde doppelt zählen.",
  },
  notForPlanning: "Nur zur Orientierung, nicht für Behandlungsentscheidungen.",
  kinds: {
    effective:
      "Effektive Dosis, nach biologischer Wirkung gewichtet (Dose Type EFFECTIVE): nicht mit physikalischen Dosen vergleichen oder addieren. Die Verschreibung des Plans, die nicht angibt, ob sie gewichtet ist, gilt hier nicht als 100 %.",
    relative: "Relative Dosis (Dose Units RELATIVE): Anteile einer Dosis, die die Datei nicht nennt, ohne Einheit. Die Verschreibung des Plans gilt hier nicht.",
    unstated: "Die Dosis gibt nicht an, ob sie physikalisch oder effektiv ist (Dose Type): nicht mit anderen vergleichen. Die Verschreibung des Plans gilt hier nicht als 100 %.",
  },
  obstacles: {
    no_grid: "Diese Dosis hat kein Dosisgitter (nur Punkte oder Histogramme). Laden Sie sie herunter, um sie in einem Planungsprogramm zu öffnen.",
    geometry: "Diese Dosis sagt nicht, wie ihr Gitter im Patienten liegt (Position, Orientierung oder Abstand fehlt). Bitten Sie um einen neuen Export.",
    offsets: "Die Positionen der Ebenen (Grid Frame Offset Vector) passen nicht zu den Bildern dieser Dosis. Bitten Sie um einen neuen Export.",
    scaling: "Diese Dosis hat kein Dose Grid Scaling: Ihre Werte lassen sich nicht in Gy angeben. Bitten Sie um einen neuen Export.",
    pixels: "Die Werte dieser Dosis sind in einer nicht unterstützten Form gespeichert (16 oder 32 Bit, ein Wert je Pixel).",
    units: "Diese Dosis nennt weder Gy noch relative Dosen (Dose Units) und wird nicht gezeichnet.",
    error: "Dieses Objekt enthält den Fehler einer Dosis, keine Dosis (Dose Type ERROR).",
    too_large: "Diese Dosis hat mehr als 40 Millionen Werte und wird nicht geladen. Exportieren Sie sie mit gröberem Gitter.",
  },
  histogramObstacles: {
    no_contours: "keine geschlossenen Konturen",
    one_plane: "Konturen in nur einer Ebene: kein Volumen",
    not_parallel: "Konturen nicht in parallelen Ebenen",
    other_frame: "anderes Bezugssystem als die Dosis",
    outside: "außerhalb des Dosisgitters",
  },
};
