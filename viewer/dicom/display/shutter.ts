import { numbersOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  shape: "00181600",
  left: "00181602",
  right: "00181604",
  upper: "00181606",
  lower: "00181608",
  center: "00181610",
  radius: "00181612",
  vertices: "00181620",
  value: "00181622",
} as const;

/** What lies outside is not shown (PS3.3 C.7.6.11): an SVG path on the image, pixels from 0, 0. */
export interface Shutter {
  path: string;
  /** 0 black to 1 white. */
  grey: number;
}

/** Each shape of the shutter; together they leave what lies within all of them. */
export function shuttersOf(dataset: DicomJson): Shutter[] {
  const grey = (numbersOf(dataset, tag.value)[0] ?? 0) / 65535;
  const shapes = (dataset[tag.shape]?.Value ?? []).map(String);
  return shapes.flatMap((shape) => {
    const path = pathOf(shape, dataset);
    return path ? [{ path, grey }] : [];
  });
}

/** The values of an image that its shutters leave open, some hundred thousand of them at most; all where it states none. */
export function openValues(values: ArrayLike<number>, columns: number, dataset: DicomJson): ArrayLike<number> {
  const tests = (dataset[tag.shape]?.Value ?? []).flatMap((shape) => insideOf(String(shape), dataset) ?? []);
  if (tests.length === 0 || columns < 1) return values;
  const open: number[] = [];
  const step = Math.max(1, Math.floor(values.length / sampled));
  for (let index = 0; index < values.length; index += step) {
    const x = (index % columns) + 0.5;
    const y = Math.floor(index / columns) + 0.5;
    if (tests.every((test) => test(x, y))) open.push(values[index] ?? 0);
  }
  return open.length > 0 ? open : values;
}

const sampled = 100_000;

/** Whether a point of the image lies within a shutter; null of one that cannot be read, and hides nothing. */
function insideOf(shape: string, dataset: DicomJson): ((x: number, y: number) => boolean) | null {
  if (pathOf(shape, dataset) === "") return null;
  if (shape === "RECTANGULAR") {
    const [left = 0, upper = 0, right = 0, lower = 0] = [tag.left, tag.upper, tag.right, tag.lower].map(
      (at) => numbersOf(dataset, at)[0],
    );
    return (x, y) => x > left && x < right - 1 && y > upper && y < lower - 1;
  }
  if (shape === "CIRCULAR") {
    const [row = 0, column = 0] = numbersOf(dataset, tag.center);
    const [radius = 0] = numbersOf(dataset, tag.radius);
    return (x, y) => Math.hypot(x - column + 0.5, y - row + 0.5) <= radius;
  }
  const points = polygonOf(dataset);
  return (x, y) => {
    let isInside = false;
    points.forEach(([x1, y1], index) => {
      const [x2, y2] = points.at(index - 1) ?? [x1, y1];
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) * (x2 - x1)) / (y2 - y1)) isInside = !isInside;
    });
    return isInside;
  };
}

/** Column, row of each corner; the header has row, then column, from 1. */
function polygonOf(dataset: DicomJson): [number, number][] {
  const numbers = numbersOf(dataset, tag.vertices);
  return Array.from({ length: Math.floor(numbers.length / 2) }, (_, index) => [
    (numbers[2 * index + 1] ?? 0) - 0.5,
    (numbers[2 * index] ?? 0) - 0.5,
  ]);
}

function pathOf(shape: string, dataset: DicomJson): string {
  if (shape === "RECTANGULAR") {
    const edges = [tag.left, tag.upper, tag.right, tag.lower].map((at) => numbersOf(dataset, at)[0]);
    const [left, upper, right, lower] = edges;
    if (left === undefined || upper === undefined || right === undefined || lower === undefined) return "";
    // The edges are the last columns and rows that are hidden, or lie outside (from 1).
    return `M${left} ${upper}H${right - 1}V${lower - 1}H${left}Z`;
  }
  if (shape === "CIRCULAR") {
    const [row, column] = numbersOf(dataset, tag.center);
    const [radius] = numbersOf(dataset, tag.radius);
    if (row === undefined || column === undefined || radius === undefined) return "";
    const from = column - 0.5 - radius;
    const arc = `${radius} ${radius} 0 1 0`;
    return `M${from} ${row - 0.5}a${arc} ${2 * radius} 0a${arc} ${-2 * radius} 0Z`;
  }
  if (shape === "POLYGONAL") {
    const points = polygonOf(dataset).map((point) => point.join(" "));
    return points.length < 3 ? "" : `M${points.join("L")}Z`;
  }
  return "";
}
