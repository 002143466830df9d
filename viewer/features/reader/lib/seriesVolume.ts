import { paddingsIn, sliceValues, type LoadedSeries } from "@/cornerstone";
import { numbersOf } from "@/dicom/dicomweb";
import { lpsOfPixel, type Vector } from "@/dicom/geometry";
import type { ProjectedVolume } from "@/dicom/pet/projection";

const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

/** The volume of a series, its slices as they lie in the cache; null where one has no single value at a pixel. */
export async function readVolume(series: LoadedSeries): Promise<ProjectedVolume | null> {
  const headers = series.order.slices.map(({ dataset }) => dataset);
  const [first] = headers;
  const last = headers.at(-1);
  const corner = first && lpsOfPixel(first, 0, 0);
  const [right, below] = first ? [lpsOfPixel(first, 1, 0), lpsOfPixel(first, 0, 1)] : [];
  const end = last && lpsOfPixel(last, 0, 0);
  const [rows, columns] = first ? [numbersOf(first, "00280010")[0], numbersOf(first, "00280011")[0]] : [];
  if (!corner || !right || !below || !end || !rows || !columns || headers.length < 2) return null;
  const read = await Promise.all(headers.map((_, index) => sliceValues(series, index)));
  const slices = read.filter((slice): slice is ArrayLike<number> => slice !== null && slice.length >= rows * columns);
  if (slices.length < headers.length) return null;
  const whole = minus(end, corner);
  return {
    columns,
    rows,
    slices,
    paddings: paddingsIn(series),
    origin: corner,
    nextColumn: minus(right, corner),
    nextRow: minus(below, corner),
    nextSlice: whole.map((part) => part / (headers.length - 1)) as Vector,
  };
}
