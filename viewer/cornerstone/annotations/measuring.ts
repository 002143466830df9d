import { eventTarget, utilities } from "@cornerstonejs/core";
import { annotation, Enums, type Types as ToolTypes } from "@cornerstonejs/tools";
import { measuredLines, uidOfUuid, type Measurement, type TakenOver } from "@/dicom/measurements/measurement";
import { newMeasurement, type NewDrawing, type PlacedShape } from "@/dicom/measurements/placed";
import { circleAsMeant } from "@/dicom/measurements/foreignCircle";
import { statedCalibrationOf } from "@/dicom/calibration/calibration";
import { handCalibrations } from "@/dicom/calibration/byHand";
import type { Slice } from "@/dicom/geometry";
import { calibrate, dropUnused, mayCalibrate, restoreCalibrations, takeCalibrations } from "./calibrating";
import { linesAcrossImages } from "./acrossImages";
import { annotationOf, isSameDrawing, readDrawing, stretchOf, trackingUidOf } from "./drawn";
import { EmptyDrawings } from "./emptyDrawings";
import { OpenImages } from "./openImages";
import { OthersDrawings } from "./othersDrawings";
import { spineLabelling } from "./spineLabels";
import type { LoadedSeries } from "@/cornerstone/series";
import { measuringToolOf } from "@/cornerstone/tools";
import { drawnPlane } from "@/cornerstone/views/plane";
import { text } from "@/shared/i18n";

const followed = [
  Enums.Events.ANNOTATION_COMPLETED,
  Enums.Events.ANNOTATION_MODIFIED,
  Enums.Events.ANNOTATION_REMOVED,
];

/** Gets what is drawn; `byReader` when a person drew, moved, named or removed something. */
export type MeasuringListener = (drawn: readonly Measurement[], byReader: boolean, others: readonly Measurement[]) => void;

/** What was drawn on the images: read, placed, named, removed. */
export class Measuring {
  private readonly images = new OpenImages();
  private readonly waiting = new Map<string, Measurement>();
  /** What the node keeps of what came from it. */
  private readonly kept = new Map<string, Measurement>();
  /** What the node keeps is changed only once it is chosen, never by a drag that comes near. */
  private readonly locked = new Set<string>();
  /** Of copies: what they are copies of. */
  private readonly takenOver = new Map<string, TakenOver>();
  private readonly others = new OthersDrawings();
  private silent = false;
  private readonly empty = new EmptyDrawings(
    () => this.placed().flatMap((one) => this.read(one) ?? []),
    (before, uid) => this.quietly(() => (before ? this.draw(before) : this.erase(uid))),
    () => this.render(),
  );

  private listener: MeasuringListener = () => undefined;

  constructor(private readonly render: () => void) {
    spineLabelling.begin();
    for (const name of followed) eventTarget.addEventListener(name, this.onEvent);
  }

  /** Tells of everything that is drawn now, and again whenever that changes. */
  follow(listener: MeasuringListener): () => void {
    this.listener = listener;
    this.tell(false);
    return () => {
      this.listener = () => undefined;
    };
  }

  /** Every measurement of the reader's, placed or waiting for its series to be opened. */
  list(): Measurement[] {
    return this.every().filter(({ madeBy }) => madeBy === null);
  }

  private every(): Measurement[] {
    const placed = this.empty.without(this.placed().flatMap((one) => this.read(one) ?? []));
    const known = new Set(placed.map(({ trackingUid }) => trackingUid));
    return [...placed, ...[...this.waiting.values()].filter(({ trackingUid }) => !known.has(trackingUid))];
  }

  /** The images of a series can be drawn on from now on; what waited for them is placed. */
  open(series: LoadedSeries): void {
    if (!this.images.open(series)) return;
    for (const one of [...this.waiting.values()]) this.place(one);
    this.tell(false);
    this.render();
  }

  /** Takes what the node keeps; what others made of it is shown alone. */
  add(measurements: readonly Measurement[]): void {
    takeCalibrations(measurements);
    for (const one of measurements) {
      if (one.madeBy) this.others.add(one);
      this.note(one);
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
      this.note(one);
      this.kept.set(one.trackingUid, one);
      this.locked.add(one.trackingUid);
    }
    this.lockSaved("");
    this.tell(false);
  }

  /** A copy of what others drew: the reader's own from now on, measured again, to be moved and saved. */
  takeOver(trackingUid: string): Measurement | null {
    return this.drawNew(this.others.copyOf(trackingUid));
  }

  /** Draws what was placed without the mouse. */
  put(of: NewDrawing, shape: PlacedShape): void {
    this.drawNew(newMeasurement({ ...of, trackingUid: uidOfUuid(utilities.uuidv4()) }, shape));
  }

  private drawNew(one: Measurement | null): Measurement | null {
    if (!one) return null;
    this.draw(one);
    this.tell(true);
    this.render();
    return one;
  }

  showOthers(on: boolean): void {
    this.others.show(on);
    this.tell(false);
    this.render();
  }

  /** Makes the drawings those of a list: what was taken back is gone, what was removed is back. */
  restore(wanted: readonly Measurement[]): void {
    const uids = new Set(wanted.map(({ trackingUid }) => trackingUid));
    this.quietly(() => {
      restoreCalibrations(wanted);
      for (const one of this.list()) if (!uids.has(one.trackingUid)) this.erase(one.trackingUid);
      for (const one of wanted) {
        const found = this.find(one.trackingUid);
        const now = found && this.read(found);
        if (!now || !isSameDrawing(now, one)) this.draw(one);
      }
    });
    this.tell(true);
    this.render();
  }

  private draw(one: Measurement): void {
    const kept = this.kept.get(one.trackingUid);
    this.erase(one.trackingUid);
    this.note(one);
    this.waiting.set(one.trackingUid, one);
    this.place(one);
    // What the node keeps of it is no other for being drawn again.
    if (kept) this.kept.set(one.trackingUid, kept);
    else this.kept.delete(one.trackingUid);
  }

  private note({ trackingUid, takenOver }: Measurement): void {
    if (takenOver) this.takenOver.set(trackingUid, takenOver);
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

  mayCalibrate(trackingUid: string): boolean {
    const [one, slice] = this.withSlice(trackingUid);
    return one !== null && mayCalibrate(one, slice);
  }

  /** Gives a line its true length, and with it its image a scale; false where that cannot be. */
  calibrate(trackingUid: string, lengthMm: number): boolean {
    const [one, slice] = this.withSlice(trackingUid);
    if (!one || !slice || !calibrate(one, slice, lengthMm)) return false;
    this.tell(true);
    this.render();
    return true;
  }

  endCalibration(sopInstanceUid: string): void {
    handCalibrations.delete(sopInstanceUid);
    this.tell(true);
    this.render();
  }

  private withSlice(trackingUid: string): [Measurement | null, Slice | undefined] {
    const found = this.find(trackingUid);
    return [found ? this.read(found) : null, this.images.sliceOf(found?.metadata?.referencedImageId)];
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
    if (!read) return linesAcrossImages(one);
    const { madeBy } = read;
    return madeBy ? [...measuredLines(read), text().viewing.ofOthers.by(madeBy.maker)] : measuredLines(read);
  }

  stretchOf(one: ToolTypes.Annotation): number {
    return stretchOf(one, this.images.sliceOf(one.metadata?.referencedImageId));
  }

  /** The measurement that is chosen, or else the one drawn last. */
  get chosen(): string | null {
    const all = this.placed().filter((one) => !this.others.has(trackingUidOf(one)));
    const chosen = all.find((one) => annotation.selection.isAnnotationSelected(one.annotationUID ?? ""));
    const last = chosen ?? all.at(-1);
    return last ? trackingUidOf(last) : null;
  }

  end(): void {
    for (const name of followed) eventTarget.removeEventListener(name, this.onEvent);
    this.empty.stop();
    annotation.state.removeAllAnnotations();
    handCalibrations.clear();
  }

  private erase(trackingUid: string): void {
    this.waiting.delete(trackingUid);
    const uid = this.find(trackingUid)?.annotationUID;
    if (uid) annotation.state.removeAnnotation(uid);
  }

  private lockSaved(chosenUid: string): void {
    for (const one of this.placed()) {
      const trackingUid = trackingUidOf(one);
      const isLocked = this.others.has(trackingUid) || (this.locked.has(trackingUid) && trackingUid !== chosenUid);
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
    const trackingUid = trackingUidOf(one);
    const slice = this.images.sliceOf(one.metadata?.referencedImageId);
    return readDrawing(one, slice, this.kept.get(trackingUid), this.takenOver.get(trackingUid) ?? null);
  }

  private quietly(act: () => void): void {
    const before = this.silent;
    this.silent = true;
    act();
    this.silent = before;
  }

  private place(stated: Measurement): void {
    const imageId = this.images.imageIdOf(stated);
    if (imageId === undefined) return;
    const one = this.asMeant(stated, this.images.sliceOf(imageId));
    this.waiting.delete(one.trackingUid);
    this.kept.set(one.trackingUid, one);
    if (this.find(one.trackingUid)) return;
    const made = annotationOf(one, imageId, this.locked.has(one.trackingUid));
    this.quietly(() => {
      annotation.state.addAnnotation(made, drawnPlane(imageId).frameOfReferenceUid);
      if (made.isLocked) annotation.locking.setAnnotationLocked(one.trackingUid, true);
      if (this.others.has(one.trackingUid)) this.others.dress(one.trackingUid);
    });
  }

  private asMeant(stated: Measurement, slice: Slice | undefined): Measurement {
    if (!stated.madeBy || !slice) return stated;
    const one = circleAsMeant(stated, statedCalibrationOf(slice.dataset));
    if (one !== stated) this.others.add(one);
    return one;
  }

  private readonly onEvent = (event: Event): void => {
    const detail = (event as CustomEvent<{ annotation?: ToolTypes.Annotation; changeType?: string }>).detail;
    const { annotation: of, changeType } = detail;
    if (this.silent || !of?.metadata || measuringToolOf(of.metadata.toolName) === null) return;
    this.empty.look();
    // Statistics that follow from a picture are no change of the reader's.
    this.tell(changeType !== "StatsUpdated" && changeType !== "InitialSetup");
  };

  private tell(byReader: boolean): void {
    if (byReader) dropUnused(this.list());
    const all = this.every();
    const own = all.filter(({ madeBy }) => madeBy === null);
    spineLabelling.follow(own.flatMap(({ kind, label }) => (kind === "vertebra" ? label : [])), byReader);
    this.others.hideWhereTaken(this.placed().map(trackingUidOf), own);
    this.listener(own, byReader, all.filter(({ madeBy }) => madeBy !== null));
  }
}

