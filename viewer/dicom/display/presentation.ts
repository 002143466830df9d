import { rgbFromDicomLab, type Rgb } from "@/dicom/color";
import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { personName } from "@/shared/lib/format";
import { text } from "@/shared/i18n";
import { annotationsOf, type Mark } from "@/dicom/measurements/marks";
import { overlayPlanesOf, type OverlayPlane } from "@/dicom/display/overlayPlanes";
import { shuttersOf, type Shutter } from "@/dicom/display/shutter";
import { isMeantFor, targetOf, type Aimed, type Target } from "@/dicom/display/imageTargets";
import { exactFunctions, functionCurveOf, voiCurveOf, type Voi } from "@/dicom/display/voi";

const tag = {
  sopInstanceUid: "00080018",
  creationDate: "00700082",
  contentLabel: "00700080",
  contentDescription: "00700081",
  creatorName: "00700084",
  referencedSeries: "00081115",
  seriesInstanceUid: "0020000E",
  softcopyVoi: "00283110",
  modalityLut: "00283000",
  rescaleIntercept: "00281052",
  rescaleSlope: "00281053",
  windowCenter: "00281050",
  windowWidth: "00281051",
  voiFunction: "00281056",
  shutterShape: "00181600",
  maskSubtraction: "00286100",
  presentationLutShape: "20500020",
  presentationLut: "20500010",
  rotation: "00700042",
  horizontalFlip: "00700041",
  displayedAreas: "0070005A",
  topLeft: "00700052",
  bottomRight: "00700053",
  sizeMode: "00700100",
  magnification: "00700103",
  layers: "00700060",
  layerName: "00700002",
  layerOrder: "00700062",
  layerGrey: "00700066",
  layerLab: "00700401",
} as const;

/** Pixels, from 1 and both ends included, of the image before it is turned (PS3.3 C.10.4). */
export interface DisplayedArea {
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Screen pixels for one of the image where the state asks for that; null: as large as fits. */
  magnification: number | null;
}

/** Value = slope · stored value + intercept (PS3.3 C.11.1). */
export interface Rescale {
  slope: number;
  intercept: number;
}

/** How someone looked at images, to be looked at so again (PS3.3 A.33). */
export interface PresentationState {
  sopInstanceUid: string;
  label: string;
  description: string;
  creator: string;
  /** DICOM date, or empty. */
  date: string;
  /** The images by series; an instance without frames stands for all of them. */
  images: ReadonlyMap<string, Target>;
  vois: readonly Aimed<Voi>[];
  /** What its windows are of the values of; null where it states none. */
  rescale: Rescale | null;
  /** Whether low values are bright; null for colour, which has no such thing. */
  inverse: boolean | null;
  rotation: number;
  flipHorizontal: boolean;
  areas: readonly Aimed<DisplayedArea>[];
  marks: readonly Aimed<Mark>[];
  shutters: readonly Shutter[];
  /** Planes of bits that the state lays over its images. */
  overlays: readonly OverlayPlane[];
  /** What the state asks for and is not done, a sentence each. */
  notices: readonly string[];
}

/** Whether a state says anything of a frame. */
export function presents(state: PresentationState, seriesInstanceUid: string, sopInstanceUid: string, frameNumber: number): boolean {
  const images = state.images.get(seriesInstanceUid);
  return images !== undefined && isMeantFor(images, sopInstanceUid, frameNumber);
}

/**
 * A window of a state over the values of an image, whose header may rescale otherwise: a state takes the place of that
 * (PS3.4 N.2.1).
 */
export function voiOver(voi: Voi, { rescale }: Pick<PresentationState, "rescale">, image: DicomJson): Voi {
  if (!rescale || itemsOf(image, tag.modalityLut).length > 0) return voi;
  const { slope, intercept } = rescaleOf(image) ?? { slope: 1, intercept: 0 };
  if (slope === rescale.slope && intercept === rescale.intercept) return voi;
  const ofImage = (value: number) => (slope * (value - rescale.intercept)) / rescale.slope + intercept;
  const [lower, upper] = [ofImage(voi.range.lower), ofImage(voi.range.upper)];
  if (lower <= upper) return { ...voi, range: { lower, upper } };
  const falling = voi.curve ?? [0, 1];
  return { range: { lower: upper, upper: lower }, curve: [...falling].reverse() };
}

function rescaleOf(dataset: DicomJson): Rescale | null {
  const [slope] = numbersOf(dataset, tag.rescaleSlope);
  const [intercept = 0] = numbersOf(dataset, tag.rescaleIntercept);
  return slope ? { slope, intercept } : null;
}

/** The shutters of an image: those of the state that is in force, or else its own (PS3.3 C.7.6.11). */
export function shuttersInForce(dataset: DicomJson, state: PresentationState | null): readonly Shutter[] {
  return state && state.shutters.length > 0 ? state.shutters : shuttersOf(dataset);
}

/** Reads a presentation state; its tables must stand in it (dicom/display/tables.ts). */
export function presentationOf(dataset: DicomJson): PresentationState {
  const t = text().refusals.presentation;
  const notices: string[] = [];
  const shape = stringOf(dataset, tag.presentationLutShape);
  if (itemsOf(dataset, tag.presentationLut).length > 0) {
    notices.push(t.noLut);
  }
  const areas = itemsOf(dataset, tag.displayedAreas).map((item) => ({ target: targetOf(item), value: areaOf(item) }));
  if (itemsOf(dataset, tag.displayedAreas).some((item) => stringOf(item, tag.sizeMode) === "TRUE SIZE")) {
    notices.push(t.noTrueSize);
  }
  if ((dataset[tag.shutterShape]?.Value ?? []).includes("BITMAP")) notices.push(t.noBitmapShutter);
  if (itemsOf(dataset, tag.maskSubtraction).length > 0) notices.push(t.noSubtraction);
  return {
    sopInstanceUid: stringOf(dataset, tag.sopInstanceUid),
    label: stringOf(dataset, tag.contentLabel) || t.unnamed,
    description: stringOf(dataset, tag.contentDescription),
    creator: nameOf(dataset),
    date: stringOf(dataset, tag.creationDate),
    images: new Map(
      itemsOf(dataset, tag.referencedSeries).map((series) => [stringOf(series, tag.seriesInstanceUid), targetOf(series)]),
    ),
    vois: itemsOf(dataset, tag.softcopyVoi).flatMap((item) => {
      const value = voiOf(item);
      return value ? [{ target: targetOf(item), value }] : [];
    }),
    rescale: rescaleOf(dataset),
    inverse: shape === "" ? null : shape === "INVERSE",
    rotation: numbersOf(dataset, tag.rotation)[0] ?? 0,
    flipHorizontal: stringOf(dataset, tag.horizontalFlip) === "Y",
    areas,
    marks: annotationsOf(dataset, layerColors(dataset)),
    shutters: shuttersOf(dataset),
    overlays: overlayPlanesOf(dataset),
    notices,
  };
}

function nameOf(dataset: DicomJson): string {
  const [name] = dataset[tag.creatorName]?.Value ?? [];
  const alphabetic = (name as { Alphabetic?: string } | undefined)?.Alphabetic ?? "";
  return alphabetic === "" ? "" : personName(alphabetic);
}

function voiOf(item: DicomJson): Voi | null {
  const table = voiCurveOf(item);
  if (table) return table;
  const [center] = numbersOf(item, tag.windowCenter);
  const [width] = numbersOf(item, tag.windowWidth);
  const least = exactFunctions.has(stringOf(item, tag.voiFunction).trim()) ? Number.MIN_VALUE : 1;
  if (center === undefined || width === undefined || width < least) return null;
  return { range: { lower: center - width / 2, upper: center + width / 2 }, curve: functionCurveOf(item) };
}

function areaOf(item: DicomJson): DisplayedArea {
  const [x1 = 1, y1 = 1] = numbersOf(item, tag.topLeft);
  const [x2 = x1, y2 = y1] = numbersOf(item, tag.bottomRight);
  const [ratio] = numbersOf(item, tag.magnification);
  return {
    // The corners are those after turning: either may be the lower one on the image.
    left: Math.min(x1, x2),
    top: Math.min(y1, y2),
    right: Math.max(x1, x2),
    bottom: Math.max(y1, y2),
    magnification: stringOf(item, tag.sizeMode) === "MAGNIFY" && ratio ? ratio : null,
  };
}

/** Colour of each graphic layer that names one, and its place among them. */
function layerColors(dataset: DicomJson): Map<string, { color: Rgb | null; order: number }> {
  return new Map(
    itemsOf(dataset, tag.layers).map((layer) => {
      const [grey] = numbersOf(layer, tag.layerGrey);
      const level = grey === undefined ? null : Math.round((grey / 65535) * 255);
      const color = rgbFromDicomLab(numbersOf(layer, tag.layerLab)) ?? (level === null ? null : ([level, level, level] satisfies Rgb));
      return [stringOf(layer, tag.layerName), { color, order: numbersOf(layer, tag.layerOrder)[0] ?? 0 }];
    }),
  );
}
