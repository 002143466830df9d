import type { Types } from "@cornerstonejs/core";

type Load = (imageId: string) => Promise<Types.IImage>;

/** What becomes of a frame after it is decoded; `load` gives others as they are. */
export type FrameChange = (image: Types.IImage, load: Load) => Promise<void>;

/** The frames that are drawn otherwise than they are stored, by their image IDs. */
export const frameChanges = new Map<string, FrameChange>();
