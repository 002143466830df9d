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
    const numbers = numbersOf(dataset, tag.vertices);
    const points = Array.from({ length: Math.floor(numbers.length / 2) }, (_, index) => {
      // Row, then column.
      return `${(numbers[2 * index + 1] ?? 0) - 0.5} ${(numbers[2 * index] ?? 0) - 0.5}`;
    });
    return points.length < 3 ? "" : `M${points.join("L")}Z`;
  }
  return "";
}
