import type { Types } from "@cornerstonejs/core";

type Load = (imageId: string) => Promise<Types.IImage>;

/** What becomes of a frame after it is decoded; `load` gives others as they are. */
export type FrameChange = (image: Types.IImage, load: Load) => Promise<void>;

/** The frames that are drawn otherwise than they are stored, by their image IDs. */
class FrameChanges {
  private readonly changes = new Map<string, FrameChange>();
  private readonly changedOnce = new Set<string>();

  get(imageId: string): FrameChange | undefined {
    return this.changes.get(imageId);
  }

  set(imageId: string, change: FrameChange): void {
    this.changes.set(imageId, change);
    this.changedOnce.add(imageId);
  }

  delete(imageId: string): void {
    this.changes.delete(imageId);
  }

  isChanged(imageId: string): boolean {
    return this.changes.has(imageId);
  }

  /** Whether Cornerstone's own statistics of a frame may be those of its changed values. */
  wasChanged(imageId: string): boolean {
    return this.changedOnce.has(imageId);
  }

  clear(): void {
    this.changes.clear();
    this.changedOnce.clear();
  }
}

export const frameChanges = new FrameChanges();
