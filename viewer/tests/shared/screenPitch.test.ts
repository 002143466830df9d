import { describe, expect, it } from "vitest";
import { keptFrom, mmPerCssPixel, pitchOf } from "@/shared/lib/screenPitch";

const mammographyScreen = { width: 2560, height: 2048, devicePixelRatio: 1 };

describe("how large a pixel of a screen is", () => {
  it("is by a card, and stays so however far the browser is zoomed", () => {
    // 85.6 mm over 519 pixels of 0.165 mm, as on a display of five megapixels.
    const mm = pitchOf(519, 85.6, mammographyScreen);
    expect(mm).toBeCloseTo(0.1649, 4);
    const kept = { "2560x2048": mm ?? 0 };
    expect(mmPerCssPixel(kept, mammographyScreen)).toBeCloseTo(0.1649, 4);
    expect(mmPerCssPixel(kept, { ...mammographyScreen, devicePixelRatio: 1.5 })).toBeCloseTo(0.2474, 4);
    // Measured at another zoom, the card takes fewer of the page's pixels and as many of the screen's.
    expect(pitchOf(519 / 1.5, 85.6, { ...mammographyScreen, devicePixelRatio: 1.5 })).toBeCloseTo(0.1649, 4);
  });

  it("is not known of a screen that was not measured", () => {
    expect(mmPerCssPixel({ "2560x2048": 0.165 }, { width: 1920, height: 1080, devicePixelRatio: 1 })).toBeNull();
  });

  it("is refused where no screen has it, also of what a browser kept", () => {
    expect(pitchOf(300, 0, mammographyScreen)).toBeNull();
    expect(pitchOf(0, 85.6, mammographyScreen)).toBeNull();
    expect(pitchOf(300, 8560, mammographyScreen)).toBeNull();
    expect(keptFrom('{"1920x1080": 0.27, "1x1": -1, "2x2": "0.3", "3x3": 900}')).toEqual({ "1920x1080": 0.27 });
    expect([keptFrom(null), keptFrom("[1"), keptFrom("null")]).toEqual([{}, {}, {}]);
  });
});
