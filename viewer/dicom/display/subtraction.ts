/** Digital subtraction of X-ray angiography (Mask Module, PS3.3 C.7.6.10). */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";

const tag = {
  relationship: "00281040",
  viewingMode: "00281090",
  sequence: "00286100",
  operation: "00286101",
  range: "00286102",
  maskFrames: "00286110",
  shift: "00286114",
  offset: "00286120",
} as const;

/** Which frames make the mask of a frame, and how it is moved before it is subtracted. */
export interface Subtraction {
  /** Frame numbers, averaged; empty for a mask that goes along with the frame (TID). */
  maskFrames: readonly number[];
  /** How many frames before the one that is shown its mask lies, of TID; 0 for fixed masks. */
  backBy: number;
  /** Pixels, to the right. */
  right: number;
  /** Pixels, down. */
  down: number;
  /** From and to, both included; empty for all frames. */
  ranges: readonly (readonly [number, number])[];
}

export const unshifted = { right: 0, down: 0 } as const;

/**
 * What the header asks for. A positive row offset of Mask Sub-pixel Shift goes towards the lower row, a positive column
 * offset towards the left (C.7.6.10.1.2). What it asks for and is not done here (reversed TID, averages of contrast frames)
 * is left out.
 */
export function statedSubtractions(dataset: DicomJson): Subtraction[] {
  return itemsOf(dataset, tag.sequence).flatMap((item) => {
    const operation = stringOf(item, tag.operation);
    const [rows = 0, columns = 0] = numbersOf(item, tag.shift);
    const numbers = numbersOf(item, tag.range);
    const ranges = Array.from({ length: Math.floor(numbers.length / 2) }, (_, index) => [numbers[2 * index] ?? 0, numbers[2 * index + 1] ?? 0] as const);
    const common = { right: columns === 0 ? 0 : -columns, down: rows, ranges };
    const maskFrames = numbersOf(item, tag.maskFrames);
    if (operation === "AVG_SUB" && maskFrames.length > 0) return [{ ...common, maskFrames, backBy: 0 }];
    const backBy = numbersOf(item, tag.offset)[0] ?? 1;
    return operation === "TID" && backBy > 0 ? [{ ...common, maskFrames: [], backBy }] : [];
  });
}

/** Whether the header wants its images to be shown subtracted (Recommended Viewing Mode). */
export function opensSubtracted(dataset: DicomJson): boolean {
  return stringOf(dataset, tag.viewingMode) === "SUB" && statedSubtractions(dataset).length > 0;
}

/** Whether values are proportional to the X-rays that came through, so that their logarithms are subtracted. */
export function isLinear(dataset: DicomJson): boolean {
  return stringOf(dataset, tag.relationship) === "LIN";
}

/** Which of several holds for a frame: the one whose range has it, else one for all frames; null where none does. */
export function subtractionOfFrame(all: readonly Subtraction[], frameNumber: number): Subtraction | null {
  const named = all.find(({ ranges }) => ranges.some(([from, to]) => frameNumber >= from && frameNumber <= to));
  return named ?? all.find(({ ranges }) => ranges.length === 0) ?? null;
}

/** The frames of the mask of a frame; none where nothing is subtracted from it. */
export function maskFramesOf({ maskFrames, backBy, ranges }: Subtraction, frameNumber: number, frameCount: number): readonly number[] {
  if (ranges.length > 0 && !ranges.some(([from, to]) => frameNumber >= from && frameNumber <= to)) return [];
  const wanted = backBy > 0 ? [frameNumber - backBy] : maskFrames;
  return wanted.filter((one) => one >= 1 && one <= frameCount);
}

type Values = ArrayLike<number>;

/** The mean of several frames. */
export function averaged(frames: readonly Values[]): Float32Array {
  const [first] = frames;
  const sum = new Float32Array(first?.length ?? 0);
  for (const frame of frames) {
    for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] ?? 0) + (frame[at] ?? 0) / frames.length;
  }
  return sum;
}

/** A picture moved by parts of pixels, bilinear; its edge goes on beyond it. */
export function moved(values: Values, columns: number, rows: number, right: number, down: number): Float32Array {
  if (right === 0 && down === 0) return Float32Array.from(values);
  const found = new Float32Array(columns * rows);
  const clamp = (index: number, count: number) => Math.max(0, Math.min(count - 1, index));
  for (let row = 0; row < rows; row += 1) {
    const y = row - down;
    const [y0, fy] = [Math.floor(y), y - Math.floor(y)];
    const [above, below] = [clamp(y0, rows) * columns, clamp(y0 + 1, rows) * columns];
    for (let column = 0; column < columns; column += 1) {
      const x = column - right;
      const [x0, fx] = [Math.floor(x), x - Math.floor(x)];
      const [left, next] = [clamp(x0, columns), clamp(x0 + 1, columns)];
      const along = (line: number) => (values[line + left] ?? 0) * (1 - fx) + (values[line + next] ?? 0) * fx;
      found[row * columns + column] = along(above) * (1 - fy) + along(below) * fy;
    }
  }
  return found;
}

const limit = 32767;
/** So that logarithms keep three digits as whole numbers. */
const perLogarithm = 1000;

/** Contrast less mask, as whole numbers about 0; of linear values 1,000 times the difference of their logarithms. */
export function subtracted(contrast: Values, mask: Values, linear: boolean): Int16Array {
  const found = new Int16Array(contrast.length);
  for (let at = 0; at < found.length; at += 1) {
    const [over, under] = [contrast[at] ?? 0, mask[at] ?? 0];
    const difference = linear
      ? perLogarithm * (Math.log(Math.max(1, over)) - Math.log(Math.max(1, under)))
      : over - under;
    found[at] = Math.max(-limit, Math.min(limit, Math.round(difference)));
  }
  return found;
}

/** A window about 0 that shows all but the strongest differences. */
export function differenceWindow(values: Values): { lower: number; upper: number } {
  const sizes = Float32Array.from(values, Math.abs).sort();
  const most = Math.max(1, sizes[Math.floor(0.998 * (sizes.length - 1))] ?? 1);
  return { lower: -most, upper: most };
}
