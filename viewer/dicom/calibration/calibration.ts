import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { handCalibrations, type HandCalibration } from "./byHand";
import { isPlausible } from "./plausible";
import { regionsOf, type Region } from "./ultrasound";

/**
 * What a pixel of a frame is worth, in which unit, and with which caveat: the rules of
 * inference/calibration in the node, checked against the same table of cases
 * (tests/inference/calibration/matrix.json). docs/calibration.md has them with their references.
 */

const tag = {
  sopInstanceUid: "00080018",
  sopClassUid: "00080016",
  imageType: "00080008",
  modality: "00080060",
  imageOrientation: "00200037",
  pixelAspectRatio: "00280034",
  pixelSpacing: "00280030",
  calibrationType: "00280A02",
  imagerPixelSpacing: "00181164",
  nominalScannedPixelSpacing: "00182010",
  imagePlanePixelSpacing: "30020011",
  magnification: "00181114",
  pixelMeasures: "00289110",
  framePixelData: "00289443",
  projectionCalibration: "00189401",
  xRayGeometry: "00189476",
  objectPixelSpacing: "00189404",
  regions: "00186011",
} as const;

export type Source =
  | "pixel_spacing"
  | "imager_pixel_spacing"
  | "nominal_scanned_pixel_spacing"
  | "object_pixel_spacing"
  | "image_plane_pixel_spacing"
  | "ultrasound_regions"
  | "by_hand"
  | "none";

export type Caveat =
  | "no_calibration"
  | "invalid_spacing"
  | "implausible_spacing"
  | "at_detector"
  | "estimated_magnification"
  | "assumed_geometry"
  | "fiducial"
  | "beam_center"
  | "correction_unstated"
  | "calibration_unstated"
  | "scanned_medium"
  | "localizer"
  | "mosaic"
  | "regions_only"
  | "by_hand";

/** Between rows, then between columns (PS3.3 10.7.1.3). */
export type Spacing = readonly [number, number];

export interface Calibration {
  source: Source;
  /** In mm, the same everywhere in the frame; null where none is stated, or the region decides. */
  spacingMm: Spacing | null;
  /** Height and width of a pixel up to a factor, for drawing it. */
  aspect: Spacing;
  regions: readonly Region[];
  caveats: readonly Caveat[];
}

// By modality rather than SOP class: a private class of a detector is a projection too.
const projections = new Set(["CR", "DX", "MG", "IO", "PX", "XA", "RF", "RG", "RTIMAGE", "BI"]);
const inThePatient = new Set(["CT", "MR", "PT", "NM", "RTDOSE", "SM", "OPT", "IVOCT", "OCT", "OPTENF"]);
/** Secondary captures, single-frame and the four of many frames. */
const secondary = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.[1-4])?$/;
const types: Partial<Record<string, Caveat>> = { GEOMETRY: "assumed_geometry", FIDUCIAL: "fiducial" };
const same = 1e-4;
const greatestMagnification = 10;
const greatestElongation = 20;

const known = new WeakMap<DicomJson, Calibration>();

/** What a pixel is worth: by its header, or as a person calibrated the image by hand. */
export function calibrationOf(header: DicomJson): Calibration {
  const stated = statedCalibrationOf(header);
  const byHand = handCalibrations.get(stringOf(header, tag.sopInstanceUid));
  return (byHand && calibrateByHand(stated, byHand, stringOf(header, tag.modality))) ?? stated;
}

/** Not inside ultrasound regions, nor where the header's size is true, nor over a mosaic. */
export function mayCalibrateByHand({ regions, caveats }: Calibration): boolean {
  return regions.length === 0 && caveats.length > 0 && !caveats.includes("mosaic");
}

/**
 * Under which the line has its length, pixels in their proportions; null where it may not be so, or
 * no such image has pixels of that size.
 */
export function calibrateByHand(stated: Calibration, { points, lengthMm }: HandCalibration, modality: string): Calibration | null {
  const [[x0, y0], [x1, y1]] = points;
  const [row, column] = stated.aspect;
  const drawn = Math.hypot((x1 - x0) * column, (y1 - y0) * row);
  if (!mayCalibrateByHand(stated) || drawn === 0) return null;
  const spacing: Spacing = [(row * lengthMm) / drawn, (column * lengthMm) / drawn];
  if (!isPlausible(modality, spacing)) return null;
  return { source: "by_hand", spacingMm: spacing, aspect: spacing, regions: [], caveats: ["by_hand"] };
}

/** Decides for one frame by its own header, functional groups resolved (`frameHeaders`). */
export function statedCalibrationOf(header: DicomJson): Calibration {
  const before = known.get(header);
  if (before) return before;
  const found = decide(header);
  known.set(header, found);
  return found;
}

/** Square where pixels would be as long as no detector's: such a picture cannot be drawn. */
function proportionsOf(aspect: Spacing): Spacing {
  const ratio = aspect[0] / aspect[1];
  return ratio >= 1 / greatestElongation && ratio <= greatestElongation ? aspect : [1, 1];
}

function decide(header: DicomJson): Calibration {
  const aspect = proportionsOf(pairOf(header, tag.pixelAspectRatio) ?? [1, 1]);
  const regions = regionsOf(header);
  if (regions.length > 0) {
    return { source: "ultrasound_regions", spacingMm: null, aspect, regions, caveats: ["regions_only"] };
  }
  const modality = stringOf(header, tag.modality);
  const stated = statements(header);
  const absurd = stated.slice(0, 1).find(({ spacing }) => !isPlausible(modality, spacing));
  const best = stated.find(({ spacing }) => isPlausible(modality, spacing));
  const before: Caveat[] = absurd ? ["implausible_spacing"] : [];
  if (best) {
    const { source, spacing, caveat } = best;
    const caveats = caveat ? [...before, caveat] : before;
    return { source, spacingMm: spacing, aspect: spacing, regions: [], caveats };
  }
  // Absurd in size, it may still be right in its proportions: those are not made up.
  if (absurd) {
    const { spacing } = absurd;
    const proportions = proportionsOf([spacing[0] / spacing[1], 1]);
    return { source: "none", spacingMm: null, aspect: proportions, regions: [], caveats: [...before, "no_calibration"] };
  }
  const caveats: Caveat[] = isVoid(header) ? ["invalid_spacing", "no_calibration"] : ["no_calibration"];
  return { source: "none", spacingMm: null, aspect, regions: [], caveats };
}

interface Statement {
  source: Source;
  spacing: Spacing;
  caveat: Caveat | null;
}

/** What the header states, the best of it first. */
function statements(header: DicomJson): Statement[] {
  const found: Statement[] = [];
  const imager = inGroup(header, tag.framePixelData, tag.imagerPixelSpacing) ?? pairOf(header, tag.imagerPixelSpacing);
  const scanned = pairOf(header, tag.nominalScannedPixelSpacing);
  const stated = pairOf(header, tag.pixelSpacing);
  const kind = stringOf(header, tag.calibrationType).trim().toUpperCase();
  // The same values again, and no word of a calibration: that of the detector (10.7.1.1).
  const isCopy = stated !== null && kind === "" && [imager, scanned].some((other) => other && isAlike(stated, other));
  if (stated && !isCopy) {
    // Pixel Measures are those of no projection: an enhanced XA that states them has neither plane.
    const hasPlane = numbersOf(header, tag.imageOrientation).length > 0;
    const isInTarget = itemsOf(header, tag.pixelMeasures).length > 0 && (hasPlane || !imager);
    const caveat = types[kind] ?? untyped(header, imager ?? scanned, isInTarget);
    found.push({ source: "pixel_spacing", spacing: stated, caveat });
  }
  const inBeam = inGroup(header, tag.projectionCalibration, tag.objectPixelSpacing);
  if (inBeam) found.push({ source: "object_pixel_spacing", spacing: inBeam, caveat: "beam_center" });
  if (imager) {
    const factor = magnificationOf(header);
    const caveat = factor === 1 ? "at_detector" : "estimated_magnification";
    found.push({ source: "imager_pixel_spacing", spacing: [imager[0] / factor, imager[1] / factor], caveat });
  }
  const inPlane = pairOf(header, tag.imagePlanePixelSpacing);
  if (inPlane) found.push({ source: "image_plane_pixel_spacing", spacing: inPlane, caveat: "at_detector" });
  if (scanned) found.push({ source: "nominal_scanned_pixel_spacing", spacing: scanned, caveat: "scanned_medium" });
  return found;
}

/** Of a Pixel Spacing without calibration type (10.7.1.2): by what stands beside it. */
function untyped(header: DicomJson, uncorrected: Spacing | null, isInTarget: boolean): Caveat | null {
  const isSecondary = secondary.test(stringOf(header, tag.sopClassUid));
  const modality = stringOf(header, tag.modality);
  const kinds = new Set((header[tag.imageType]?.Value ?? []).map((one) => String(one).trim().toUpperCase()));
  if (modality === "CT" && kinds.has("LOCALIZER")) return "localizer";
  if (modality === "MR" && kinds.has("MOSAIC")) return "mosaic";
  if (isInTarget && !isSecondary) return null;
  if (uncorrected) return "correction_unstated";
  const isInPatient = inThePatient.has(modality) || numbersOf(header, tag.imageOrientation).length > 0;
  return isInPatient && !isSecondary && !projections.has(modality) ? null : "calibration_unstated";
}

/** Source to receptor over source to object; 1 where it corrects nothing. */
function magnificationOf(header: DicomJson): number {
  const holders = [...itemsOf(header, tag.xRayGeometry).slice(0, 1), header];
  const factors = holders.flatMap((holder) => numbersOf(holder, tag.magnification).slice(0, 1));
  return factors.find((factor) => factor > 1 && factor < greatestMagnification) ?? 1;
}

/** Whether a spacing is stated that cannot be one, such as 0\0. */
function isVoid(header: DicomJson): boolean {
  const spacings = [tag.pixelSpacing, tag.imagerPixelSpacing, tag.nominalScannedPixelSpacing];
  return spacings.some((attribute) => (header[attribute]?.Value?.length ?? 0) > 0);
}

function inGroup(header: DicomJson, sequence: string, attribute: string): Spacing | null {
  const [item] = itemsOf(header, sequence);
  return item ? pairOf(item, attribute) : null;
}

function pairOf(dataset: DicomJson, attribute: string): Spacing | null {
  const [row, column, ...others] = numbersOf(dataset, attribute);
  return row && column && row > 0 && column > 0 && others.length === 0 ? [row, column] : null;
}

function isAlike(one: Spacing, other: Spacing): boolean {
  return [0, 1].every((index) => {
    const [a = 0, b = 0] = [one[index], other[index]];
    return Math.abs(a - b) <= same * Math.max(a, b);
  });
}

/**
 * The header as Cornerstone shall read it: with the spacing that was decided, or else with the
 * proportions of a pixel, in which its world is drawn. It knows fewer rules, and takes an
 * ultrasound region's cm for the unit of a length.
 */
export function forDrawing(header: DicomJson): DicomJson {
  const { source, spacingMm, aspect } = statedCalibrationOf(header);
  if (source === "pixel_spacing" && !header[tag.imagerPixelSpacing]) return header;
  const isSquare = aspect[0] === aspect[1];
  const spacing = spacingMm ?? (isSquare ? null : aspect);
  return {
    ...header,
    [tag.pixelSpacing]: spacing ? { vr: "DS", Value: [...spacing] } : undefined,
    [tag.imagerPixelSpacing]: undefined,
    [tag.regions]: undefined,
  };
}
