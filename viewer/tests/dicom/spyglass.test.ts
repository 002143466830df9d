import { describe, expect, it } from "vitest";
import { shadesOf } from "@/dicom/display/shades";
import { imagePointOfLps, type Slice, type Vector } from "@/dicom/geometry";
import { orderSlices } from "@/dicom/sliceOrder";
import { comparable, glassMatrix, glassSlice } from "@/dicom/spyglass";

interface Stacked {
  count: number;
  fromMm: number;
  stepMm: number;
  frame: string;
  cosines?: number[];
  /** Row spacing, column spacing, mm. */
  spacing?: [number, number];
  corner?: [number, number];
}

function stack({ count, fromMm, stepMm, frame, cosines = [1, 0, 0, 0, 1, 0], spacing = [1, 1], corner = [-100, -100] }: Stacked): Slice[] {
  return orderSlices(
    Array.from({ length: count }, (_, index) => ({
      "00080018": { vr: "UI", Value: [`${frame}.${fromMm}.${stepMm}.${index}`] },
      "00200052": { vr: "UI", Value: [frame] },
      "00200032": { vr: "DS", Value: [...corner, fromMm + index * stepMm] },
      "00200037": { vr: "DS", Value: cosines },
      "00280010": { vr: "US", Value: [200] },
      "00280011": { vr: "US", Value: [200] },
      "00280030": { vr: "DS", Value: spacing },
    })),
  ).slices;
}

function on([a, b, c, d, e, f]: readonly number[], x: number, y: number): [number, number] {
  return [(a ?? 0) * x + (c ?? 0) * y + (e ?? 0), (b ?? 0) * x + (d ?? 0) * y + (f ?? 0)];
}

const together = { alongMm: 0, within: [0, 0, 0] as Vector };

describe("the image that is seen through a spyglass", () => {
  const now = stack({ count: 100, fromMm: 0, stepMm: 1, frame: "1.1" });

  it("is that of the same position in the patient", () => {
    const prior = stack({ count: 20, fromMm: 2, stepMm: 5, frame: "1.1" });
    expect(glassSlice(now, 52, [0, 0, 52], prior, together)).toEqual({ index: 10, beyondMm: null });
    expect(glassSlice(now, 52, [0, 0, 52], prior, { ...together, alongMm: 10 })).toEqual({ index: 12, beyondMm: null });
  });

  it("says how far away the nearest one is, where none is there", () => {
    const short = stack({ count: 4, fromMm: 0, stepMm: 5, frame: "1.1" });
    expect(glassSlice(now, 52, [0, 0, 52], short, together)).toEqual({ index: 3, beyondMm: 37 });
  });

  it("is found at the pointer, not in the middle, where planes are tilted against each other", () => {
    const angle = (15 * Math.PI) / 180;
    const tilted = stack({ count: 100, fromMm: 0, stepMm: 1, frame: "1.1", cosines: [1, 0, 0, 0, Math.cos(angle), Math.sin(angle)] });
    const index = (y: number) => glassSlice(now, 52, [0, y, 52], tilted, together)?.index ?? -1;
    const place = tilted[index(60)]?.dataset["00200032"]?.Value as number[];
    // On the tilted plane, the point of the column through y = 60.
    const z = (place[2] ?? 0) + (60 - (place[1] ?? 0)) * Math.tan(angle);
    expect(Math.abs(z - 52)).toBeLessThan(1);
    expect(index(60)).not.toBe(index(-60));
  });

  it("goes by the distance scrolled where the frames of reference differ, and not at all where nothing aligns them", () => {
    const elsewhere = stack({ count: 100, fromMm: 500, stepMm: 1, frame: "2.2" });
    expect(glassSlice(now, 52, [0, 0, 52], elsewhere, { ...together, alongMm: 500 })).toEqual({ index: 52, beyondMm: null });
    expect(glassSlice(now, 52, [0, 0, 52], elsewhere, { ...together, alongMm: null })).toBeNull();
    const sagittal = stack({ count: 9, fromMm: 0, stepMm: 5, frame: "1.1", cosines: [0, 1, 0, 0, 0, -1] });
    expect(glassSlice(now, 52, [0, 0, 52], sagittal, together)).toBeNull();
  });

  it("lies with its pixels where those of the same place are, whatever their size and their edge", () => {
    const [shown] = now;
    const [other] = stack({ count: 1, fromMm: 0, stepMm: 1, frame: "1.1", spacing: [3, 0.5], corner: [-40, 20] });
    if (!shown || !other) throw new Error("no slices");
    const onScreen = [2, 0, 0, 2, 30, 40] as const;
    const matrix = glassMatrix(shown.dataset, onScreen, other.dataset, [0, 0, 0]);
    // The centre of the pixel in column 10, row 4 of the other image: x = -40 + 10 · 0.5, y = 20 + 4 · 3 mm.
    const lps: Vector = [-35, 32, 0];
    const wanted = on(onScreen, ...(imagePointOfLps(shown.dataset, lps) ?? [NaN, NaN]));
    const [x, y] = on(matrix ?? [], 10.5, 4.5);
    expect(x).toBeCloseTo(wanted[0], 6);
    expect(y).toBeCloseTo(wanted[1], 6);
    // What was moved by hand within the plane is moved back.
    const moved = on(glassMatrix(shown.dataset, onScreen, other.dataset, [7, -3, 0]) ?? [], 10.5, 4.5);
    expect(moved[0]).toBeCloseTo(wanted[0] - 14, 6);
    expect(moved[1]).toBeCloseTo(wanted[1] + 6, 6);
    const without = { ...other.dataset, "00280030": { vr: "DS" } };
    expect(glassMatrix(shown.dataset, onScreen, without, [0, 0, 0])).toBeNull();
  });

  it("is of another series in similar planes, of the prior first", () => {
    const series = (studyInstanceUid: string, seriesInstanceUid: string, slices: Slice[]) => ({ studyInstanceUid, seriesInstanceUid, order: { slices } });
    const shown = series("now", "a", now);
    const later = series("now", "b", now);
    const prior = series("before", "c", now);
    const across = series("before", "d", stack({ count: 9, fromMm: 0, stepMm: 5, frame: "1.1", cosines: [0, 1, 0, 0, 0, -1] }));
    expect(comparable(shown, [shown, later, across, prior])).toEqual([prior, later]);
    expect(comparable(shown, [shown, across])).toEqual([]);
  });
});

describe("pixels through a window", () => {
  const greys = (values: number[], look: Parameters<typeof shadesOf>[3]) =>
    [...shadesOf(values, values.length, 1, look)].filter((_, index) => index % 4 === 0);

  it("are as bright as the window makes them, and the other way round where it is inverted", () => {
    const range = { lower: -100, upper: 100 };
    expect(greys([-500, -100, 0, 100, 500], { range, curve: null, isInverted: false })).toEqual([0, 0, 128, 255, 255]);
    expect(greys([-500, -100, 100], { range, curve: null, isInverted: true })).toEqual([255, 255, 0]);
    expect(greys([-100, 0, 100], { range, curve: [0, 0.2, 1], isInverted: false })).toEqual([0, 51, 255]);
  });

  it("keep their colours, without an alpha channel", () => {
    const look = { range: null, curve: null, isInverted: false };
    expect([...shadesOf([1, 2, 3, 0, 4, 5, 6, 0], 2, 4, look)]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
    expect([...shadesOf([1, 2, 3], 1, 3, { ...look, isInverted: true })]).toEqual([254, 253, 252, 255]);
  });
});
