import type { Messages } from "@/shared/i18n/messages";

export const keyGroups: Messages["viewing"]["keyGroups"] = {
  slices: "Schichten",
  viewports: "Ansichten",
  button: "Linke Maustaste oder ein Finger",
  image: "Bild",
  results: "Ergebnisse und Seite",
  touch: "Maus und Finger",
};

export const keys: Messages["viewing"]["keys"] = {
  nextFinding: "Nächstes, voriges Ergebnis",
  feedback: "Das offene Ergebnis annehmen oder ablehnen",
  sign: "Den Befund nach einer Rückfrage signieren",
  oneSlice: "Eine Schicht",
  tenSlices: "Zehn Schichten",
  axis: "Zeit, b-Wert oder Echo derselben Stelle",
  ends: "Erste und letzte Schicht",
  play: "Abspielen und anhalten",
  layout: "Nächste Anordnung, 1 × 1 bis 3 × 3",
  stage: "Nächste und vorige Stufe der Anordnung",
  viewport: "Nächste und vorige Ansicht",
  series: "Nächste und vorige Serie",
  planes: "Drei Ebenen und zurück",
  volume: "Die Serie als Volumen und zurück",
  window: "Fensterlage und -breite",
  region: "Fenster nach einem Rechteck",
  crosshairs: "Fadenkreuz: die Mitte ziehen verschiebt, die Enden ziehen dreht die Ebenen",
  turnPlanes: "Die anderen Ebenen um 5° drehen",
  projection: "Schichten, Maximum, Minimum oder Mittel eines Schichtpakets",
  thickness: "Schichtpaket dicker und dünner",
  presets: "Fenstervorgaben",
  flip: "Links und rechts, oben und unten spiegeln",
  rotate: "Nach links und rechts drehen",
  reset: "Fenster, Zoom, Drehung und Lage zurücksetzen",
  tabs: "Ergebnisse und Befund",
  keyImage: "Das Bild als Schlüsselbild markieren",
  remove: "Die gewählte Messung entfernen",
  undo: "Messungen oder Maskenänderungen rückgängig machen und wiederholen",
  shiftMove: "Umschalt + Zeiger",
  reference: "Bezugspunkt in der Mitte setzen, und wieder entfernen",
  sharedCursor: "Dieselbe Stelle in den anderen Ansichten zeigen",
  rightClick: "Rechtsklick",
  menu: "Menü der Ansicht",
  masks: "Masken ausblenden und zeigen; gehalten: ausblenden, bis die Taste losgelassen wird",
  clicks: "Mit Klicks segmentieren: dorthin; innen oder außen",
  overlays: "Beschriftungen und Overlays ausblenden und zeigen",
  nextStudy: "Nächste und vorige Studie der Liste",
  leave: "Zurück zur Studienliste",
  wheel: "Rad",
  right: "rechts",
  middle: "Mitte",
  twoFingers: "zwei Finger",
  threeFingers: "drei Finger",
  pinch: "Zoomen und verschieben",
};

export const byKeys: Messages["viewing"]["byKeys"] = {
  title: "Das gewählte Werkzeug mit Tasten",
  begin: "Bedienen: Pfeile ändern Fenster, Zoom oder Lage oder bewegen einen Cursor, der misst. Esc beendet",
  set: "Dort einen Punkt setzen; Rücktaste nimmt den letzten zurück",
  further: "Zehnmal so weit",
  shiftArrow: "Umschalt + Pfeil",
  picture: {
    window: "← → Breite, ↑ ↓ Lage. Mit Umschalt zehnmal so weit. Esc beendet.",
    zoom: "↑ größer, ↓ kleiner. Mit Umschalt zehnmal so weit. Esc beendet.",
    pan: "Die Pfeile verschieben das Bild. Mit Umschalt zehnmal so weit. Esc beendet.",
  },
  point: (what, n, of) => `${what}, Punkt ${n} von ${of}. Enter setzt ihn, Esc beendet.`,
  freehand: (what, n) =>
    `${what}, Punkt ${n}. Enter setzt ihn; noch einmal an derselben Stelle beendet die Linie, auf dem ersten Punkt schließt sie.`,
};

export const keySettings: Messages["viewing"]["keySettings"] = {
  title: "Eigene Tasten",
  hint: "Drücken Sie in einem Feld eine andere Taste, um die Funktion dorthin zu legen. Sie gilt auf jedem Rechner für Sie. Ziffern, ?, Pfeile und Tasten mit Strg bleiben, wie sie sind.",
  conflict: (key, does) => `„${key}“ ist belegt: ${does}. Legen Sie zuerst diese Funktion um.`,
  notMovable: (key) => `„${key}“ lässt sich nicht wählen.`,
  movedFrom: (does, usual, key) => (usual === key ? does : `${does} (sonst ${usual})`),
  usual: "Wieder die üblichen Tasten",
};

export const tour: Messages["viewing"]["tour"] = {
  title: "Kurze Einführung",
  at: (n, of) => `${n} / ${of}`,
  next: "Weiter",
  skip: "Einführung überspringen",
  done: "Fertig",
  stops: {
    series: "Die Serien der Studie, darunter die anderen Studien des Patienten. Ziehen Sie eine in eine Ansicht, oder gehen Sie sie mit . und , durch.",
    tools: "Was die linke Maustaste tut, was gemessen wird, Fenster und Anordnung. Jeder Hinweis nennt die Taste.",
    images: "Das Rad blättert durch die Schichten, die rechte Taste zoomt, die mittlere verschiebt. Ein Doppelklick zeigt eine Ansicht allein, ein Rechtsklick ihr Menü.",
    results: "Ergebnisse zum Annehmen, Ablehnen oder Korrigieren, Messungen und der Befund. Ziehen Sie an der Kante, um ihn zu verbreitern.",
    help: "Alle Tasten, die Sie ändern können, und diese Einführung: ?",
  },
};
