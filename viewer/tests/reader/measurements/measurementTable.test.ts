import { expect, it } from "vitest";
import { clipboardTable, measurementTable } from "@/features/reader/lib/measurements/measurementTable";
import type { Measurement } from "@/dicom/measurements/measurement";

const ellipse: Measurement = {
  trackingUid: "2.25.1",
  kind: "ellipse",
  sopInstanceUid: "1.2.3",
  frameNumber: 2,
  points: [],
  isClosed: false,
  label: 'liver, "segment 4"',
  measured: [
    { quantity: "area", value: 120.5, unit: "mm2" },
    { quantity: "mean", value: -12.25, unit: "[hnsf'U]" },
  ],
  obstacle: null,
  savedAs: [],
  caveats: ["at_detector"],
  madeBy: null,
  takenOver: null,
};

it("writes a row for each value, with names that hold commas, quotes and formulas", () => {
  const arrow: Measurement = { ...ellipse, kind: "arrow", label: '=HYPERLINK("http://x")', measured: [], madeBy: { sopInstanceUid: "9", title: "", maker: "Bo", sender: "PACS", trackingUid: "" } };
  const place = (one: Measurement) =>
    one.kind === "arrow" ? { seriesNumber: null, imageNumber: null, frameNumber: null } : { seriesNumber: 3, imageNumber: 21, frameNumber: null };
  expect(measurementTable([ellipse, arrow], place).split("\r\n")).toEqual([
    "Series,Image,Frame,Kind,Name,Quantity,Value,Unit (UCUM),Calibration,SOP Instance UID,Measured by (empty: here)",
    '3,21,2,Ellipse,"liver, ""segment 4""",area,120.5,mm2,"Calibrated at the detector, not corrected for magnification",1.2.3,',
    `3,21,2,Ellipse,"liver, ""segment 4""",mean,-12.25,[hnsf'U],,1.2.3,`,
    `,,2,Arrow,"'=HYPERLINK(""http://x"")",,,,,1.2.3,Bo`,
    "",
  ]);
});

it("is for the clipboard a line for each value, its columns apart by tabs", () => {
  const named: Measurement = { ...ellipse, label: "liver\tsegment\n4" };
  const [head, first, second, ...rest] = clipboardTable([named], () => ({ seriesNumber: 3, imageNumber: 21, frameNumber: null })).split("\n");
  expect(head?.split("\t").slice(0, 4)).toEqual(["Series", "Image", "Frame", "Kind"]);
  expect([first, second].map((line) => line?.split("\t").slice(3, 7))).toEqual([
    ["Ellipse", "liver segment 4", "area", "120.5"],
    ["Ellipse", "liver segment 4", "mean", "-12.25"],
  ]);
  expect(rest).toEqual([]);
});
