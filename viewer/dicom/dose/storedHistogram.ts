/** Dose–volume histograms that an RT Dose holds (PS3.3 C.8.8.4), as its planning system calculated them. */
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import type { Roi, StructureSet } from "@/dicom/segmentation/structureSet";
import type { DoseKind } from "./doseGrid";

const tag = {
  structureSets: "300C0060",
  referencedInstance: "00081155",
  histograms: "30040050",
  type: "30040001",
  units: "30040002",
  doseType: "30040004",
  scaling: "30040052",
  volumeUnits: "30040054",
  bins: "30040056",
  data: "30040058",
  rois: "30040060",
  contribution: "30040062",
  roiNumber: "30060084",
  least: "30040070",
  most: "30040072",
  mean: "30040074",
} as const;

/** Per cent. */
const all = 100;
const roundings = 0.005;

export interface StoredHistogram {
  /** ROI Number of its one structure, which it takes in whole. */
  roiNumber: number;
  kind: DoseKind;
  /** Of the whole structure; null where the file states shares alone. */
  volumeMl: number | null;
  /** As the file states them beside the curve. */
  least: number | null;
  mean: number | null;
  most: number | null;
  /**
   * Lower ends of the bins, in Gy, and the share of the structure that gets at least that, down to 0. It begins below 1 where the
   * dose was calculated for a part of the structure.
   */
  doses: Float64Array;
  atLeast: Float64Array;
}

export interface StoredHistograms {
  /** SOP Instance UID of the structure set that the ROI numbers are of; "" where none is named. */
  structureSetUid: string;
  histograms: StoredHistogram[];
  /** How many more the file holds that are not drawn: of several structures, or of a form that says too little. */
  notDrawn: number;
}

export function storedHistogramsOf(dataset: DicomJson): StoredHistograms {
  const [set] = itemsOf(dataset, tag.structureSets);
  const all = itemsOf(dataset, tag.histograms);
  const histograms = all.flatMap((item) => histogramOf(item) ?? []);
  return {
    structureSetUid: set ? stringOf(set, tag.referencedInstance) : "",
    histograms,
    notDrawn: all.length - histograms.length,
  };
}

function kindOf(item: DicomJson): DoseKind {
  if (stringOf(item, tag.units) === "RELATIVE") return "relative";
  const type = stringOf(item, tag.doseType);
  return type === "PHYSICAL" ? "physical" : type === "EFFECTIVE" ? "effective" : "unstated";
}

function histogramOf(item: DicomJson): StoredHistogram | null {
  const structures = itemsOf(item, tag.rois);
  const [structure] = structures;
  const number = structure && numbersOf(structure, tag.roiNumber)[0];
  // A structure that is taken away from another is not that structure.
  if (structures.length !== 1 || !structure || number === undefined || stringOf(structure, tag.contribution) === "EXCLUDED") return null;
  const type = stringOf(item, tag.type);
  const units = stringOf(item, tag.volumeUnits);
  const [scaling = 1] = numbersOf(item, tag.scaling);
  const data = numbersOf(item, tag.data);
  const count = numbersOf(item, tag.bins)[0] ?? data.length / 2;
  if ((type !== "CUMULATIVE" && type !== "DIFFERENTIAL") || !["CM3", "PERCENT"].includes(units)) return null;
  if (scaling <= 0 || count < 1 || data.length !== 2 * count) return null;
  const [doses, volumes] = [new Float64Array(count + 1), new Float64Array(count + 1)];
  for (let bin = 0; bin < count; bin += 1) {
    const width = (data[2 * bin] ?? NaN) * scaling;
    const volume = data[2 * bin + 1] ?? NaN;
    if (!(width >= 0) || !(volume >= 0)) return null;
    doses[bin + 1] = (doses[bin] ?? 0) + width;
    volumes[bin] = volume;
  }
  if (type === "DIFFERENTIAL") for (let bin = count - 1; bin >= 0; bin -= 1) volumes[bin] = (volumes[bin] ?? 0) + (volumes[bin + 1] ?? 0);
  const [whole = 0] = volumes;
  if (whole <= 0 || volumes.some((volume, bin) => bin > 0 && volume > (volumes[bin - 1] ?? 0) * (1 + 1e-6) + 1e-9)) return null;
  // Shares are of the structure; sums of rounded ones may be a little more than all of it.
  if (units === "PERCENT" && whole > all * (1 + roundings)) return null;
  const of = units === "PERCENT" ? Math.max(all, whole) : whole;
  const [least, mean, most] = [tag.least, tag.mean, tag.most].map((name) => numbersOf(item, name)[0] ?? null);
  return {
    roiNumber: number,
    kind: kindOf(item),
    volumeMl: units === "CM3" ? whole : null,
    least: least ?? null,
    mean: mean ?? null,
    most: most ?? null,
    doses,
    atLeast: volumes.map((volume) => volume / of),
  };
}

/** The dose that so much of the structure gets at least, 0 to 1: D95 for 0.95. Null where so much of it has no dose. */
export function storedDoseOfShare({ doses, atLeast }: StoredHistogram, share: number): number | null {
  if ((atLeast[0] ?? 0) < share) return null;
  let bin = 0;
  while (bin + 1 < atLeast.length && (atLeast[bin + 1] ?? 0) >= share) bin += 1;
  const [here = 0, next = 0] = [atLeast[bin], atLeast[bin + 1]];
  const [low = 0, high = low] = [doses[bin], doses[bin + 1]];
  return here > next ? low + ((here - share) / (here - next)) * (high - low) : low;
}

/** The histogram that the file holds of a structure, of the same kind of dose as its grid; undefined without one. */
export function storedOf(
  stored: StoredHistograms | null,
  { sopInstanceUid }: Pick<StructureSet, "sopInstanceUid">,
  roi: Pick<Roi, "number">,
  kind: DoseKind,
): StoredHistogram | undefined {
  if (!stored || stored.structureSetUid !== sopInstanceUid) return undefined;
  return stored.histograms.find((one) => one.roiNumber === roi.number && one.kind === kind);
}
