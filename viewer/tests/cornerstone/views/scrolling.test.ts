import { describe, expect, it } from "vitest";

import { scrollSense } from "@/cornerstone/views/scrolling";

describe("a plane whose volume has not come", () => {
  it("is scrolled as it is counted, and nothing is thrown", () => {
    const view = {
      getActors: () => [],
      getImageIds: () => {
        throw new Error("No actor found for the given volumeId: undefined");
      },
      getCamera: () => ({ viewPlaneNormal: [0, 0, -1] }),
    };
    expect(scrollSense(view as unknown as Parameters<typeof scrollSense>[0])).toBe(1);
  });
});
