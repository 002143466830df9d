import type { StackSlab } from "@/dicom/display/stackSlab";

const drawnAs = new WeakMap<object, StackSlab>();

/** The pictures of slabs, each by its image: what is asked for may not be what is on the screen yet. */
export const slabImages = {
  add(image: object, slab: StackSlab): void {
    drawnAs.set(image, slab);
  },
  /** Null of an image that is drawn as it is stored, and before the first one. */
  slabOf(image: object | undefined): StackSlab | null {
    return (image && drawnAs.get(image)) ?? null;
  },
};
