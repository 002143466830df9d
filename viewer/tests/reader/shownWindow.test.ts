import { expect, it } from "vitest";
import { suvFactorOf } from "@/dicom/pet/suv";
import { shownWindowText } from "@/features/reader/lib/stage/shownWindowText";
import { windowText } from "@/shared/lib/format";

/** F-18 given an hour before the series. */
const pet = {
  "00080060": { vr: "CS", Value: ["PT"] },
  "00541001": { vr: "CS", Value: ["BQML"] },
  "00541102": { vr: "CS", Value: ["START"] },
  "00101030": { vr: "DS", Value: [70] },
  "00080021": { vr: "DA", Value: ["20260101"] },
  "00080031": { vr: "TM", Value: ["100000"] },
  "00080022": { vr: "DA", Value: ["20260101"] },
  "00080032": { vr: "TM", Value: ["100000"] },
  "00280051": { vr: "CS", Value: ["DECY", "ATTN"] },
  "00540016": {
    vr: "SQ",
    Value: [
      {
        "00181072": { vr: "TM", Value: ["090000"] },
        "00181074": { vr: "DS", Value: [350e6] },
        "00181075": { vr: "DS", Value: [6586.2] },
      },
    ],
  },
};

it("shows the window of a PET in the SUV that it is read in, and of one without SUV as it is stored", () => {
  const factor = suvFactorOf(pet) ?? NaN;
  const window = (lower: number, upper: number) => ({ width: (upper - lower) / factor, center: (lower + upper) / 2 / factor });
  expect(shownWindowText(window(0, 10), pet)).toBe("SUV 0 to 10");
  expect(shownWindowText(window(0.5, 3), pet)).toBe("SUV 0.5 to 3");
  const withoutWeight = { ...pet, "00101030": undefined };
  expect(shownWindowText({ width: 34232, center: 17116 }, withoutWeight)).toBe("W 34232 L 17116");
  expect(shownWindowText({ width: 400, center: 40 }, undefined)).toBe("W 400 L 40");
});

it("rounds to 0 and not to -0", () => {
  expect(windowText({ width: 400, center: -0.2 })).toBe("W 400 L 0");
});
