import { state } from "@cornerstonejs/tools";
import { isEmpty } from "@/dicom/measurements/extent";
import type { Measurement } from "@/dicom/measurements/measurement";

const afterMs = 150;

/** Drawings without extent: what grows from a point is one for a while, and so is what is moved, but not once it is let go. */
export class EmptyDrawings {
  /** Each as it was when nothing was drawn or moved. */
  private readonly atRest = new Map<string, Measurement>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `putBack`: as it was before, or away where it never was more than a point. */
  constructor(
    private readonly drawn: () => Measurement[],
    private readonly putBack: (before: Measurement | undefined, trackingUid: string) => void,
    private readonly render: () => void,
  ) {}

  /** Those with an extent, and of those without what they were before. */
  without(drawn: readonly Measurement[]): Measurement[] {
    return drawn.flatMap((one) => {
      if (isEmpty(one)) return this.atRest.get(one.trackingUid) ?? [];
      if (!state.isInteractingWithTool) this.atRest.set(one.trackingUid, one);
      return one;
    });
  }

  /** Something was drawn or moved: those without extent end as soon as it is let go. */
  look(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (state.isInteractingWithTool) this.look();
      else this.end();
    }, afterMs);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private end(): void {
    const drawn = this.drawn();
    this.without(drawn);
    const empty = drawn.filter(isEmpty);
    for (const { trackingUid } of empty) this.putBack(this.atRest.get(trackingUid), trackingUid);
    if (empty.length > 0) this.render();
  }
}
