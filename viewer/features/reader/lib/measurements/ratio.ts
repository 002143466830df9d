import type { Measurement } from "@/dicom/measurements/measurement";

/** Both are sizes in one unit: a length over a length, an area over an area. */
const kinds = ["length", "area"] as const;

/** What a ratio can be taken of, the newest first. */
export function withSize(measurements: readonly Measurement[]): Measurement[] {
  return measurements.filter((one) => sizeOf(one) !== null).reverse();
}

function sizeOf({ measured, obstacle }: Measurement): { quantity: string; value: number; unit: string } | null {
  if (obstacle !== null) return null;
  return measured.find(({ quantity, value }) => kinds.some((kind) => kind === quantity) && value > 0) ?? null;
}

/** One over the other; null where they are not alike, or one of them is the other. */
export function ratioOf(one: Measurement | undefined, other: Measurement | undefined): number | null {
  const [above, below] = [one && sizeOf(one), other && sizeOf(other)];
  if (!above || !below || one === other) return null;
  return above.unit === below.unit && above.quantity === below.quantity ? above.value / below.value : null;
}
