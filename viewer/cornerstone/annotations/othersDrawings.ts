import { utilities } from "@cornerstonejs/core";
import { annotation } from "@cornerstonejs/tools";
import { isTaken, uidOfUuid, type Measurement } from "@/dicom/measurements/measurement";

/** Muted and dashed: what others drew differs from what the reader draws. */
const [grey, chosenGrey] = ["rgb(190, 190, 205)", "rgb(225, 225, 240)"];
const style = {
  color: grey,
  colorLocked: grey,
  colorHighlighted: grey,
  colorSelected: chosenGrey,
  textBoxColor: grey,
  textBoxColorLocked: grey,
  textBoxColorHighlighted: grey,
  textBoxColorSelected: chosenGrey,
  lineDash: "6,4",
  lineDashSelected: "6,4",
};

/** What other systems and pipelines drew: shown or not, never changed, and no part of what is saved. */
export class OthersDrawings {
  private readonly stated = new Map<string, Measurement>();
  private isShown = true;

  get all(): Measurement[] {
    return [...this.stated.values()];
  }

  get shown(): boolean {
    return this.isShown;
  }

  has(trackingUid: string): boolean {
    return this.stated.has(trackingUid);
  }

  get(trackingUid: string): Measurement | undefined {
    return this.stated.get(trackingUid);
  }

  add(one: Measurement): void {
    this.stated.set(one.trackingUid, one);
  }

  /** The reader's own: not measured yet, and of which drawing. */
  copyOf(trackingUid: string): Measurement | null {
    const one = this.stated.get(trackingUid);
    if (!one?.madeBy) return null;
    const { sopInstanceUid, trackingUid: theirs, maker } = one.madeBy;
    return {
      ...one,
      trackingUid: uidOfUuid(utilities.uuidv4()),
      measured: [],
      savedAs: [],
      madeBy: null,
      takenOver: { sopInstanceUid, trackingUid: theirs, maker },
    };
  }

  show(on: boolean): void {
    this.isShown = on;
  }

  dress(trackingUid: string): void {
    annotation.config.style.setAnnotationStyles(trackingUid, style);
    annotation.locking.setAnnotationLocked(trackingUid, true);
  }

  /** Those that the reader has a copy of are not drawn twice; true where that changed. */
  hideWhereTaken(placed: readonly string[], own: readonly Measurement[]): void {
    for (const trackingUid of placed) {
      const one = this.stated.get(trackingUid);
      if (!one) continue;
      const isVisible = this.isShown && !isTaken(one, own);
      if (annotation.visibility.isAnnotationVisible(trackingUid) !== isVisible) {
        annotation.visibility.setAnnotationVisibility(trackingUid, isVisible);
      }
    }
  }
}
