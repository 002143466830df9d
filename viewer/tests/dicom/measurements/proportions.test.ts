import { describe, expect, it } from "vitest";
import { atRightAngle, circleHalves, distanceFromCircle, withShortAxis } from "@/dicom/measurements/proportions";

/** A pixel 0.5 mm wide and 0.4 mm high, as in an ultrasound region. */
const stretch = 0.4 / 0.5;

type Point = readonly [number, number];

function degreesInMm([a, b, c, d]: readonly [Point, Point, Point, Point]): number {
  const long = [b[0] - a[0], (b[1] - a[1]) * stretch] as const;
  const short = [d[0] - c[0], (d[1] - c[1]) * stretch] as const;
  const cosine = (long[0] * short[0] + long[1] * short[1]) / (Math.hypot(...long) * Math.hypot(...short));
  return (Math.acos(cosine) * 180) / Math.PI;
}

describe("a circle where pixels are not square", () => {
  it("is the same ellipse of pixels, whichever way it was drawn", () => {
    // 60 columns are 30 mm, and so are 75 rows, and 36 columns with 60 rows.
    for (const end of [[60, 0], [-60, 0], [0, 75], [0, -75], [36, 60]] as const) {
      const [halfWidth, halfHeight] = circleHalves([0, 0], end, stretch);
      expect(halfWidth).toBeCloseTo(60, 9);
      expect(halfHeight).toBeCloseTo(75, 9);
      expect(distanceFromCircle([0, 0], [60, 0], end, stretch)).toBeCloseTo(0, 9);
    }
    expect(distanceFromCircle([0, 0], [60, 0], [0, 60], stretch)).toBeCloseTo(15, 9);
  });
});

describe("two axes where pixels are not square", () => {
  const drawn = withShortAxis([[0, 0], [30, 50]], stretch);

  it("stand at a right angle in mm when they are drawn", () => {
    expect(degreesInMm(drawn)).toBeCloseTo(90, 9);
    const lengthMm = ([x, y]: Point, [u, v]: Point) => Math.hypot((u - x) * 0.5, (v - y) * 0.4);
    expect(lengthMm(drawn[0], drawn[1])).toBeCloseTo(25, 9);
    expect(lengthMm(drawn[2], drawn[3])).toBeCloseTo((25 * 2) / 3, 9);
  });

  it.each([0, 1, 2, 3] as const)("stand so when end %i is moved, and the end that stays is where it was", (moved) => {
    const after = drawn.map((point, index) => (index === moved ? [point[0] + 5, point[1] - 3] : point)) as [Point, Point, Point, Point];
    const found = atRightAngle(drawn, after, moved, stretch);
    expect(degreesInMm(found)).toBeCloseTo(90, 6);
    expect(found[moved]?.[0]).toBeCloseTo(after[moved]?.[0] ?? NaN, 9);
    expect(found[moved]?.[1]).toBeCloseTo(after[moved]?.[1] ?? NaN, 9);
    if (moved < 2) expect(found[1 - moved]).toEqual(drawn[1 - moved]);
  });
});
