import { cache, eventTarget } from "@cornerstonejs/core";
import { annotation, Enums, type Types as ToolTypes } from "@cornerstonejs/tools";
import { calibrationOf } from "@/dicom/calibration/calibration";
import { quantitiesOfShape } from "@/dicom/calibration/quantities";
import { NotMeasurable } from "@/dicom/calibration/scale";
import {
  caveatsOf,
  disagreeing,
  isStatistic,
  measuredLines,
  uidOfUuid,
  type Measurement,
  type MeasuringKind,
} from "@/dicom/measurements/measurement";
import { statisticsWithin, type Statistics } from "@/dicom/measurements/pixelsWithin";
import { paddingsOf } from "@/dicom/display/padding";
import { suvFactorOf } from "@/dicom/display/suv";
import type { WindowRange } from "@/dicom/windowing";
import { realWorldOf } from "@/dicom/display/realWorld";
import { unitOfValues } from "@/dicom/display/values";
import { linesAcrossImages } from "./acrossImages";
import { dataOf, pointsForNode, statisticsOf, statsOf } from "./annotations";
import { drawnPlane, imagePointOf, worldOf, type ImagePoint } from "@/cornerstone/views/plane";
import { measuringClasses } from "@/cornerstone/runtime";
import { keyOf, type LoadedSeries } from "@/cornerstone/series";
import { measuringToolOf } from "@/cornerstone/tools";
import { frameChanges } from "@/cornerstone/frameChanges";
import { pixelValues } from "@/cornerstone/pixels";

const followed = [
  Enums.Events.ANNOTATION_COMPLETED,
  Enums.Events.ANNOTATION_MODIFIED,
  Enums.Events.ANNOTATION_REMOVED,
];

/** Hears what is drawn; `byReader` when a person drew, moved, named or removed something. */
export type MeasuringListener = (drawn: readonly Measurement[], byReader: boolean) => void;

/** What was drawn on the images: read, placed, named, removed. */
export class Measuring {
  private readonly series = new Map<string, LoadedSeries>();
  private readonly waiting = new Map<string, Measurement>();
  /** What the node keeps of what came from it. */
  private readonly kept = new Map<string, Measurement>();
  /** What the node keeps is changed only once it is chosen, never by a drag that comes near. */
  private readonly locked = new Set<string>();
  private silent = false;

  private listener: MeasuringListener = () => undefined;

  constructor(private readonly render: () => void) {
    for (const name of followed) eventTarget.addEventListener(name, this.onEvent);
  }

  /** Tells of everything that is drawn now, and again whenever that changes. */
  follow(listener: MeasuringListener): () => void {
    this.listener = listener;
    listener(this.list(), false);
    return () => {
      this.listener = () => undefined;
    };
  }

  /** Every measurement, placed or waiting for its series to be opened. */
  list(): Measurement[] {
    const placed = this.placed().flatMap((one) => this.read(one) ?? []);
    const known = new Set(placed.map(({ trackingUid }) => trackingUid));
    return [...placed, ...[...this.waiting.values()].filter(({ trackingUid }) => !known.has(trackingUid))];
  }

  /** The images of a series can be drawn on from now on; what waited for them is placed. */
  open(series: LoadedSeries): void {
    if (this.series.get(keyOf(series)) === series) return;
    this.series.set(keyOf(series), series);
    for (const one of [...this.waiting.values()]) this.place(one);
    this.tell(false);
    this.render();
  }

  /** Takes what the node keeps. */
  add(measurements: readonly Measurement[]): void {
    for (const one of measurements) {
      this.locked.add(one.trackingUid);
      this.waiting.set(one.trackingUid, one);
      this.place(one);
    }
    this.tell(false);
    this.render();
  }

  /** What the node has made of it: its values are those of the report from now on. */
  saved(measurements: readonly Measurement[]): void {
    for (const one of measurements) {
      this.kept.set(one.trackingUid, one);
      this.locked.add(one.trackingUid);
    }
    this.lockSaved("");
    this.tell(false);
  }

  /** Makes the drawings those of a list: what was taken back is gone, what was removed is back. */
  restore(wanted: readonly Measurement[]): void {
    const uids = new Set(wanted.map(({ trackingUid }) => trackingUid));
    this.silent = true;
    for (const one of this.list()) if (!uids.has(one.trackingUid)) this.erase(one.trackingUid);
    for (const one of wanted) {
      const found = this.find(one.trackingUid);
      const now = found && this.read(found);
      if (now && isSameDrawing(now, one)) continue;
      const kept = this.kept.get(one.trackingUid);
      this.erase(one.trackingUid);
      this.waiting.set(one.trackingUid, one);
      this.place(one);
      // What the node keeps of it is no other for being drawn again.
      if (kept) this.kept.set(one.trackingUid, kept);
      else this.kept.delete(one.trackingUid);
    }
    this.silent = false;
    this.tell(true);
    this.render();
  }

  setLabel(trackingUid: string, label: string): void {
    const waiting = this.waiting.get(trackingUid);
    if (waiting) this.waiting.set(trackingUid, { ...waiting, label });
    const found = this.find(trackingUid);
    if (found) found.data.label = label;
    this.tell(true);
    this.render();
  }

  remove(trackingUid: string): void {
    this.waiting.delete(trackingUid);
    const uid = this.find(trackingUid)?.annotationUID;
    // Cornerstone tells of the removal itself, but of what is not placed it knows nothing.
    if (uid) annotation.state.removeAnnotation(uid);
    else this.tell(true);
    this.render();
  }

  isPlaced(trackingUid: string): boolean {
    return this.find(trackingUid) !== undefined;
  }

  /** Highlights one measurement among the others. */
  select(trackingUid: string): void {
    const uid = this.find(trackingUid)?.annotationUID;
    if (uid) annotation.selection.setAnnotationSelected(uid, true, false);
    this.lockSaved(trackingUid);
    this.render();
  }

  /** What stands beside it on the image: the words and numbers of the list. */
  linesOf(data: ToolTypes.AnnotationData): string[] {
    const one = this.placed().find((placed) => placed.data === data);
    if (!one) return [];
    const read = this.read(one);
    return read ? measuredLines(read) : linesAcrossImages(one);
  }

  /** The measurement that is chosen, or else the one drawn last. */
  get chosen(): string | null {
    const all = this.placed();
    const chosen = all.find((one) => annotation.selection.isAnnotationSelected(one.annotationUID ?? ""));
    const last = chosen ?? all.at(-1);
    return last ? trackingUidOf(last) : null;
  }

  end(): void {
    for (const name of followed) eventTarget.removeEventListener(name, this.onEvent);
    annotation.state.removeAllAnnotations();
  }

  private erase(trackingUid: string): void {
    this.waiting.delete(trackingUid);
    const uid = this.find(trackingUid)?.annotationUID;
    if (uid) annotation.state.removeAnnotation(uid);
  }

  private lockSaved(chosenUid: string): void {
    for (const one of this.placed()) {
      const trackingUid = trackingUidOf(one);
      const isLocked = this.locked.has(trackingUid) && trackingUid !== chosenUid;
      if (one.annotationUID) annotation.locking.setAnnotationLocked(one.annotationUID, isLocked);
    }
  }

  private placed(): ToolTypes.Annotation[] {
    return annotation.state
      .getAllAnnotations()
      .filter(({ metadata }) => metadata && measuringToolOf(metadata.toolName) !== null);
  }

  private find(trackingUid: string): ToolTypes.Annotation | undefined {
    return this.placed().find((one) => trackingUidOf(one) === trackingUid);
  }

  private read(one: ToolTypes.Annotation): Measurement | null {
    const imageId = one.metadata?.referencedImageId;
    const kind = measuringToolOf(one.metadata?.toolName ?? "");
    const slice = imageId ? this.sliceOf(imageId) : undefined;
    // Drawn through a volume, off every image: there is no image that it could be saved on.
    if (!kind || !imageId || !slice) return null;
    const plane = drawnPlane(imageId);
    const trackingUid = trackingUidOf(one);
    const points = pointsForNode(kind, one.data).map((point) => imagePointOf(plane, point));
    const isClosed = kind === "freehand" && one.data.contour?.closed === true;
    const calibration = calibrationOf(slice.dataset);
    const found = quantitiesOfShape(kind, points, calibration, isClosed);
    const ofShape = found instanceof NotMeasurable ? [] : found;
    const kept = this.kept.get(trackingUid);
    const pixel = kind === "probe" ? pixelAt(imageId, points[0]) : null;
    const padding = {
      isOutdated: frameChanges.wasChanged(imageId),
      ranges: paddingsOf(slice.dataset),
      statistics: () => statisticsOn(imageId, kind, points, paddingsOf(slice.dataset)),
    };
    // Values of a picture that is subtracted are not those of the stored image, which a drawing is saved with.
    const drawn = frameChanges.isChanged(imageId)
      ? []
      : statisticsOf(kind, one.data, unitOfValues(slice.dataset), suvFactorOf(slice.dataset), pixel, padding, realWorldOf(slice.dataset));
    // Until it has been on the screen, what the node keeps of its pixels holds.
    const isElsewhere = kept !== undefined && !isWhere(kept.points, points);
    const statistics = drawn.length > 0 || isElsewhere ? drawn : (kept?.measured.filter(isStatistic) ?? []);
    return {
      trackingUid,
      kind,
      sopInstanceUid: slice.sopInstanceUid,
      frameNumber: slice.frameNumber,
      points,
      isClosed,
      label: one.data.label ?? "",
      measured: [...ofShape, ...statistics],
      obstacle: found instanceof NotMeasurable ? found.obstacle : null,
      savedAs: kept && isWhere(kept.points, points) ? disagreeing(kept.measured, ofShape) : [],
      caveats: caveatsOf(kind, calibration),
    };
  }

  private sliceOf(imageId: string) {
    for (const { imageIds, order } of this.series.values()) {
      const index = imageIds.indexOf(imageId);
      if (index >= 0) return order.slices[index];
    }
    return undefined;
  }

  private place(one: Measurement): void {
    const imageId = this.imageIdOf(one);
    if (imageId === undefined) return;
    this.waiting.delete(one.trackingUid);
    this.kept.set(one.trackingUid, one);
    if (this.find(one.trackingUid)) return;
    const plane = drawnPlane(imageId);
    const points = one.points.map((point) => worldOf(plane, point));
    const { along, down } = plane;
    const made: ToolTypes.Annotation = {
      annotationUID: one.trackingUid,
      highlighted: false,
      invalidated: statsOf(one.kind, one.measured) === null,
      isLocked: this.locked.has(one.trackingUid),
      isVisible: true,
      metadata: {
        toolName: measuringClasses[one.kind].toolName,
        referencedImageId: imageId,
        FrameOfReferenceUID: plane.frameOfReferenceUid,
        viewPlaneNormal: [
          -(along[1] * down[2] - along[2] * down[1]),
          -(along[2] * down[0] - along[0] * down[2]),
          -(along[0] * down[1] - along[1] * down[0]),
        ],
        viewUp: [-down[0], -down[1], -down[2]],
      },
      data: dataOf(one, points, `imageId:${imageId}`),
    };
    const before = this.silent;
    this.silent = true;
    annotation.state.addAnnotation(made, plane.frameOfReferenceUid);
    if (made.isLocked) annotation.locking.setAnnotationLocked(one.trackingUid, true);
    this.silent = before;
  }

  private imageIdOf({ sopInstanceUid, frameNumber }: Measurement): string | undefined {
    for (const { imageIds, order, indexOfSopInstanceUid } of this.series.values()) {
      if (!indexOfSopInstanceUid.has(sopInstanceUid)) continue;
      const index = order.slices.findIndex(
        (slice) => slice.sopInstanceUid === sopInstanceUid && slice.frameNumber === frameNumber,
      );
      if (index >= 0) return imageIds[index];
    }
    return undefined;
  }

  private readonly onEvent = (event: Event): void => {
    const detail = (event as CustomEvent<{ annotation?: ToolTypes.Annotation; changeType?: string }>).detail;
    const { annotation: of, changeType } = detail;
    if (this.silent || !of?.metadata || measuringToolOf(of.metadata.toolName) === null) return;
    // Statistics that follow from a picture are no change of the reader's.
    this.tell(changeType !== "StatsUpdated" && changeType !== "InitialSetup");
  };

  private tell(byReader: boolean): void {
    this.listener(this.list(), byReader);
  }
}

const samePlacePixels = 0.05;

/** Whether a drawing still is where the node keeps it; world coordinates round a little. */
function isWhere(kept: readonly ImagePoint[], points: readonly ImagePoint[]): boolean {
  return (
    kept.length === points.length &&
    points.every(([x, y]) => kept.some((other) => Math.hypot(other[0] - x, other[1] - y) < samePlacePixels))
  );
}

function isSameDrawing(one: Measurement, other: Measurement): boolean {
  const parts = ({ kind, label, points, isClosed }: Measurement) =>
    JSON.stringify([kind, label, isClosed, points.map((point) => point.map((value) => value.toFixed(3)))]);
  return parts(one) === parts(other);
}

/** Of a shape's pixels but for the padding; null for a colour, or where nothing is left. */
function statisticsOn(
  imageId: string,
  kind: MeasuringKind,
  points: readonly ImagePoint[],
  paddings: readonly WindowRange[],
): Statistics | null {
  const image = cache.getImage(imageId);
  if (!image || (image.numberOfComponents || 1) > 1) return null;
  const { columnSpacing, rowSpacing } = drawnPlane(imageId);
  const { columns, rows } = image;
  return statisticsWithin(kind, points, { columns, rows, values: image.getPixelData(), aspect: rowSpacing / columnSpacing }, paddings);
}

/** The one value of the pixel under a point; null for a colour, or where there is none. */
function pixelAt(imageId: string, point: ImagePoint | undefined): number | null {
  if (!point) return null;
  const [value = NaN, ...others] = pixelValues(imageId, Math.floor(point[0]), Math.floor(point[1]));
  return others.length === 0 && Number.isFinite(value) ? value : null;
}

/** A drawn one has a UUID of Cornerstone's; one that came from the node, its UID. */
function trackingUidOf({ annotationUID = "" }: ToolTypes.Annotation): string {
  return annotationUID.includes("-") ? uidOfUuid(annotationUID) : annotationUID;
}
