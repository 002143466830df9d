import type { Messages } from "@/shared/i18n";

export interface WindowRange {
  lower: number;
  upper: number;
}

export interface WindowPreset {
  /** Of ours, a key of the messages; of the header, as it says. */
  name: string;
  range: WindowRange;
  /** Brightness from 0 to 1 over the range where the header gives a table; a straight line without. */
  curve?: readonly number[];
}

function preset(name: keyof Messages["viewing"]["presetNames"], center: number, width: number): WindowPreset {
  return { name, range: { lower: center - width / 2, upper: center + width / 2 } };
}

const ctPresets = [
  preset("softTissue", 40, 400),
  preset("lung", -600, 1500),
  preset("bone", 480, 2500),
  preset("brain", 40, 80),
  preset("liver", 90, 150),
];

/** Percentiles of a plane's values; taken from a sample, for a plane has a hundred thousand. */
export function percentiles(
  values: ArrayLike<number>,
  fractions: readonly number[],
  without: WindowRange | null = null,
): number[] {
  const step = Math.max(1, Math.floor(values.length / 20_000));
  const sample: number[] = [];
  for (let index = 0; index < values.length; index += step) {
    const value = values[index] ?? 0;
    if (!without || value < without.lower || value > without.upper) sample.push(value);
  }
  sample.sort((a, b) => a - b);
  return fractions.map(
    (fraction) => sample[Math.min(sample.length - 1, Math.floor(fraction * sample.length))] ?? 0,
  );
}

/** The window of a part of an image: all but its outliers; null for a part without a difference. */
export function windowOfRegion(values: readonly number[]): WindowRange | null {
  const [lower = 0, upper = 0] = percentiles(values, [0.01, 0.99]);
  return upper > lower ? { lower, upper } : null;
}

const headroom = 0.2;

/**
 * A window that shows a plane well when the header gives none: its 1st to 99.5th percentile, and
 * above that a fifth more, so that the brightest tissue keeps its detail.
 */
export function windowOfValues(
  values: ArrayLike<number>,
  padding: WindowRange | null = null,
): WindowRange {
  const [lower = 0, upper = 0] = percentiles(values, [0.01, 0.995], padding);
  if (upper <= lower) return { lower, upper: lower + 1 };
  return { lower, upper: upper + headroom * (upper - lower) };
}

/**
 * Presets by modality: Hounsfield windows for CT; for the rest, shares of what the image holds. What
 * the header offers beside the window of the opening comes after, so that the keys stay the same.
 */
export function presetsFor(
  modality: string,
  initial: WindowRange,
  ofHeader: readonly WindowPreset[] = [],
  own: readonly OwnWindow[] = [],
): WindowPreset[] {
  return [...usualPresets(modality, initial, ofHeader), ...ownPresets(own, modality)];
}

/** Of a person, for images of one modality: they come last, so that the keys of the others stay the same. */
export interface OwnWindow {
  name: string;
  modality: string;
  center: number;
  width: number;
}

export function ownPresets(own: readonly OwnWindow[], modality: string): WindowPreset[] {
  return own
    .filter((one) => one.modality === modality)
    .map(({ name, center, width }) => ({ name, range: { lower: center - width / 2, upper: center + width / 2 } }));
}

function usualPresets(modality: string, initial: WindowRange, ofHeader: readonly WindowPreset[]): WindowPreset[] {
  const width = initial.upper - initial.lower;
  const [opened, ...others] = ofHeader;
  const asOpened: WindowPreset = { name: "asOpened", range: initial, ...(opened?.curve && { curve: opened.curve }) };
  if (modality === "CT") return [asOpened, ...ctPresets, ...others];
  if (modality === "PT" || modality === "NM") {
    const suv = opened?.name === "suv" ? opened.range : null;
    return [asOpened, ...activityPresets(suv ?? initial, suv !== null), ...others];
  }
  return [
    asOpened,
    { name: "brighter", range: { lower: initial.lower, upper: initial.lower + width * 0.6 } },
    { name: "darker", range: { lower: initial.lower, upper: initial.lower + width * 1.6 } },
    {
      name: "highContrast",
      range: { lower: initial.lower + width * 0.15, upper: initial.lower + width * 0.7 },
    },
    ...others,
  ];
}

/** Activity is read from none upwards: in Bq/ml and counts, whose size depends on dose and weight, to shares of what it opened with. */
function activityPresets({ lower, upper }: WindowRange, isSuv: boolean): WindowPreset[] {
  const top = upper > 0 ? upper : upper - lower;
  const names = isSuv ? (["suvQuarter", "suvHalf", "suvDouble"] as const) : (["activityQuarter", "activityHalf", "activityDouble"] as const);
  return [0.25, 0.5, 2].map((share, index) => ({ name: names[index] ?? "", range: { lower: 0, upper: share * top } }));
}

export function centerAndWidth(range: WindowRange): { center: number; width: number } {
  return { center: (range.lower + range.upper) / 2, width: range.upper - range.lower };
}
