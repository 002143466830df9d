import { describe, expect, it } from "vitest";
import type { Matrix } from "@/cornerstone";
import { movedBy, onImage, onScreen, wayOf, windowedBy } from "@/features/reader/lib/stage/keySteps";

const size = { columns: 512, rows: 512 };
/** Three times as large as stored, turned by a right angle. */
const turned: Matrix = [0, 3, -3, 0, 800, 20];

describe("arrows", () => {
  it("go one pixel of the image the way that the screen shows, with Shift ten", () => {
    expect(wayOf({ key: "ArrowLeft", shiftKey: false })).toEqual([-1, 0]);
    expect(wayOf({ key: "ArrowDown", shiftKey: true })).toEqual([0, 10]);
    expect(wayOf({ key: "PageDown", shiftKey: false })).toBeNull();
    const [column, row] = movedBy([100, 100], [1, 0], turned, size);
    expect([column, row].map((value) => Number(value.toFixed(6)))).toEqual([100, 99]);
    expect(movedBy([100, 100], [1, 0], [0.25, 0, 0, 0.25, 0, 0], size)).toEqual([104, 100]);
  });

  it("stay on the image, whose places are those of the screen", () => {
    expect(movedBy([511.5, 0.5], [10, -10], [1, 0, 0, 1, 0, 0], size)).toEqual([512, 0]);
    expect(onImage(onScreen([33, 44], turned), turned)).toEqual([33, 44]);
  });

  it("make a window wider and brighter, and never empty", () => {
    expect(windowedBy({ lower: -160, upper: 240 }, [10, 0])).toEqual({ lower: -200, upper: 280 });
    expect(windowedBy({ lower: 0, upper: 100 }, [0, -1])).toEqual({ lower: -2, upper: 98 });
    const { lower, upper } = windowedBy({ lower: 0, upper: 100 }, [-100, 0]);
    expect(upper).toBeGreaterThan(lower);
  });
});
