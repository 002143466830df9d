/** How the values of a region are spread. */
export interface Histogram {
  lower: number;
  /** Width of a bin. */
  step: number;
  counts: number[];
}

export interface Spread {
  count: number;
  mean: number;
  standardDeviation: number;
  minimum: number;
  maximum: number;
  median: number;
  /** The 5th and the 95th percentile. */
  low: number;
  high: number;
}

/** Steps at which people count: 1, 2 or 5 times a power of ten. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((factor) => factor * power >= step * (1 - 1e-9)) ?? 10);
}

/** Up to `most` bins of a round width; whole values have bins of whole numbers. Null for no values. */
export function histogramOf(values: readonly number[], most = 40): Histogram | null {
  if (values.length === 0) return null;
  let [least, greatest, isWhole] = [Infinity, -Infinity, true];
  for (const value of values) {
    [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
    isWhole &&= Number.isInteger(value);
  }
  const wanted = greatest > least ? roundStep((greatest - least) / most) : 1;
  const step = isWhole ? Math.max(1, wanted) : wanted;
  const lower = Math.floor(least / step) * step;
  const counts = new Array<number>(Math.floor((greatest - lower) / step + 1e-9) + 1).fill(0);
  for (const value of values) {
    const at = Math.min(counts.length - 1, Math.floor((value - lower) / step + 1e-9));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return { lower, step, counts };
}

/** Null for no values. Percentiles lie between the values next to them (type 7 of Hyndman and Fan, as numpy's). */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const percentile = (share: number) => {
    const at = share * (sorted.length - 1);
    const [below = 0, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
    return below + (at - Math.floor(at)) * (above - below);
  };
  let mean = 0;
  let squares = 0;
  sorted.forEach((value, index) => {
    const off = value - mean;
    mean += off / (index + 1);
    squares += off * (value - mean);
  });
  return {
    count: sorted.length,
    mean,
    standardDeviation: Math.sqrt(squares / sorted.length),
    minimum: sorted[0] ?? 0,
    maximum: sorted.at(-1) ?? 0,
    median: percentile(0.5),
    low: percentile(0.05),
    high: percentile(0.95),
  };
}
