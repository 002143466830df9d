import type { drawings as english } from "@/shared/i18n/en/reading/drawings";

export const drawings: typeof english = {
  kinds: {
    length: "Länge",
    bidirectional: "Zwei Durchmesser",
    angle: "Winkel",
    cobb: "Cobb-Winkel",
    lines: "Winkel zwischen Linien",
    ellipse: "Ellipse",
    circle: "Kreis",
    rectangle: "Rechteck",
    freehand: "Freihand",
    probe: "Wert",
    arrow: "Pfeil",
    text: "Text",
    vertebra: "Wirbelhöhen",
  },
  spine: {
    title: "Wirbelhöhen",
    next: "Höhe, die der nächste Klick benennt",
    down: "Mit jedem Klick eine Höhe tiefer; drücken für aufwärts",
    up: "Mit jedem Klick eine Höhe höher; drücken für abwärts",
  },
};
