import type { Rgb } from "@/dicom/color";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { targetOf, type Aimed } from "@/dicom/display/imageTargets";

const tag = {
  annotations: "00700001",
  layer: "00700002",
  texts: "00700008",
  graphics: "00700009",
  boxUnits: "00700003",
  anchorUnits: "00700004",
  graphicUnits: "00700005",
  text: "00700006",
  boxTopLeft: "00700010",
  boxBottomRight: "00700011",
  justification: "00700012",
  anchor: "00700014",
  anchorVisible: "00700015",
  data: "00700022",
  type: "00700023",
  filled: "00700024",
} as const;

/** PIXEL: column and row, the corner of the first pixel at 0, 0. DISPLAY: shares of the area shown. */
export type Units = "PIXEL" | "DISPLAY";
export type MarkPoint = readonly [number, number];

export type Shape =
  | { kind: "point"; at: MarkPoint }
  | { kind: "line"; points: readonly MarkPoint[]; filled: boolean }
  | { kind: "ellipse"; center: MarkPoint; along: MarkPoint; across: MarkPoint; filled: boolean };

export interface GraphicMark {
  kind: "graphic";
  units: Units;
  shape: Shape;
  color: Rgb | null;
}

export interface TextMark {
  kind: "text";
  lines: readonly string[];
  box: { units: Units; topLeft: MarkPoint; bottomRight: MarkPoint } | null;
  anchor: { units: Units; at: MarkPoint; visible: boolean } | null;
  align: "start" | "middle" | "end";
  color: Rgb | null;
}

export type Mark = GraphicMark | TextMark;

const alignments = { LEFT: "start", CENTER: "middle", RIGHT: "end" } as const;

/** The annotations of a presentation state, by the order of their layers (PS3.3 C.10.5). */
export function annotationsOf(
  dataset: DicomJson,
  layers: ReadonlyMap<string, { color: Rgb | null; order: number }>,
): Aimed<Mark>[] {
  const found = itemsOf(dataset, tag.annotations).map((annotation) => {
    const layer = layers.get(stringOf(annotation, tag.layer));
    const color = layer?.color ?? null;
    const marks: Mark[] = [
      ...itemsOf(annotation, tag.graphics).flatMap((item) => graphicOf(item, color) ?? []),
      ...itemsOf(annotation, tag.texts).map((item) => textOf(item, color)),
    ];
    const target = targetOf(annotation);
    return { order: layer?.order ?? 0, aimed: marks.map((value) => ({ target, value })) };
  });
  return found.sort((a, b) => a.order - b.order).flatMap(({ aimed }) => aimed);
}

function unitsOf(item: DicomJson, at: string): Units {
  return stringOf(item, at) === "DISPLAY" ? "DISPLAY" : "PIXEL";
}

function pointsOf(item: DicomJson, at: string): MarkPoint[] {
  const numbers = numbersOf(item, at);
  return Array.from({ length: Math.floor(numbers.length / 2) }, (_, index) => [
    numbers[2 * index] ?? 0,
    numbers[2 * index + 1] ?? 0,
  ]);
}

function graphicOf(item: DicomJson, color: Rgb | null): GraphicMark | null {
  const shape = shapeOf(stringOf(item, tag.type), pointsOf(item, tag.data), stringOf(item, tag.filled) === "Y");
  return shape && { kind: "graphic", units: unitsOf(item, tag.graphicUnits), shape, color };
}

function shapeOf(type: string, points: readonly MarkPoint[], filled: boolean): Shape | null {
  const [a, b, c, d] = points;
  if (!a) return null;
  if (type === "POINT") return { kind: "point", at: a };
  if (type === "POLYLINE") return { kind: "line", points, filled };
  if (type === "INTERPOLATED") return { kind: "line", points: curved(points), filled };
  if (type === "CIRCLE" && b) {
    // The centre, and a point on the circle.
    const [x, y] = [b[0] - a[0], b[1] - a[1]];
    return { kind: "ellipse", center: a, along: [x, y], across: [-y, x], filled };
  }
  if (type === "ELLIPSE" && b && c && d) {
    // The ends of the long axis, then those of the short one.
    return {
      kind: "ellipse",
      center: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2],
      along: [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2],
      across: [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2],
      filled,
    };
  }
  return null;
}

const stepsBetween = 8;

/** A smooth line through the points (Catmull and Rom's): the standard leaves the choice (C.10.5.1.2). */
export function curved(points: readonly MarkPoint[]): MarkPoint[] {
  if (points.length < 3) return [...points];
  const first = points[0] as MarkPoint;
  const last = points.at(-1) as MarkPoint;
  const closed = first[0] === last[0] && first[1] === last[1];
  const at = (index: number): MarkPoint => {
    if (closed) return points[(index + points.length - 1) % (points.length - 1)] as MarkPoint;
    return points[Math.max(0, Math.min(points.length - 1, index))] as MarkPoint;
  };
  const found: MarkPoint[] = [];
  for (let index = 0; index < points.length - 1; index += 1) {
    const around = [at(index - 1), at(index), at(index + 1), at(index + 2)] as const;
    for (let step = 0; step < stepsBetween; step += 1) {
      const t = step / stepsBetween;
      found.push([0, 1].map((axis) => spline(around.map((point) => point[axis] ?? 0), t)) as unknown as MarkPoint);
    }
  }
  return [...found, last];
}

function spline([a = 0, b = 0, c = 0, d = 0]: readonly number[], t: number): number {
  return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t ** 2 + (3 * b - a - 3 * c + d) * t ** 3);
}

function textOf(item: DicomJson, color: Rgb | null): TextMark {
  const [topLeft] = pointsOf(item, tag.boxTopLeft);
  const [bottomRight] = pointsOf(item, tag.boxBottomRight);
  const [anchor] = pointsOf(item, tag.anchor);
  const justification = stringOf(item, tag.justification) as keyof typeof alignments;
  return {
    kind: "text",
    lines: stringOf(item, tag.text).split(/\r\n|\r|\n/),
    box: topLeft && bottomRight ? { units: unitsOf(item, tag.boxUnits), topLeft, bottomRight } : null,
    anchor: anchor
      ? { units: unitsOf(item, tag.anchorUnits), at: anchor, visible: stringOf(item, tag.anchorVisible) === "Y" }
      : null,
    align: alignments[justification] ?? "start",
    color,
  };
}
