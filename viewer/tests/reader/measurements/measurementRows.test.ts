import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { MeasurementPanel } from "@/features/reader/components/measurements/MeasurementPanel";
import { unreachable, type Problem } from "@/shared/api/problem";
import type { Measurement } from "@/dicom/measurements/measurement";

const ofOthers = { sopInstanceUid: "1.9", title: "Chest", maker: "Dr. Ng", sender: "PACS", trackingUid: "1.8" };
const atDetector = "Calibrated at the detector, not corrected for magnification";

function drawn(change: Partial<Measurement>): Measurement {
  return {
    trackingUid: "2.25.1",
    kind: "length",
    sopInstanceUid: "1.2.3",
    frameNumber: 1,
    points: [],
    isClosed: false,
    label: "",
    measured: [{ quantity: "length", value: 132.4, unit: "mm" }],
    obstacle: null,
    savedAs: [],
    caveats: ["at_detector"],
    madeBy: null,
    takenOver: null,
    ...change,
  };
}

const none = () => undefined;

beforeAll(() => vi.stubGlobal("navigator", {}));
afterAll(() => vi.unstubAllGlobals());

function panelOf(
  list: readonly Measurement[],
  others: readonly Measurement[] = [],
  { loaded, problem }: { loaded: boolean; problem: Problem | null } = { loaded: true, problem: null },
): string {
  return renderToStaticMarkup(
    createElement(MeasurementPanel, {
      measurements: {
        list, others, othersShown: true, changed: list.length > 0, undrawn: 0, saving: false, loaded, problem, reload: loaded ? null : none,
        showOthers: none, takeOver: none, save: none, rename: none, remove: none, removeChosen: none, undo: none, redo: none, goTo: none,
        mayCalibrate: ({ caveats }) => caveats.length > 0, calibrate: () => true, endCalibration: none,
        calibrated: list.filter(({ handCalibration }) => handCalibration),
      },
      keyImages: { images: [], loaded, problem, isKey: () => false, toggle: none, reload: none },
      texts: { insertions: [], insertable: [], putMeasurement: none, putFinding: none, download: none, table: () => "", putRatio: none },
      valuesOf: () => null,
      onShowImage: none,
      imageProblem: null,
    }),
  );
}

/** What stands in the rows of the panel, tags left out. */
function rowsOf(list: readonly Measurement[], others: readonly Measurement[] = []): string[] {
  return panelOf(list, others)
    .split(/<li |<p [^>]*data-testid="calibrated-by-hand"/)
    .slice(1)
    .map((row) => (row.split("</li>")[0] ?? "").replaceAll(/<[^>]*>/g, " "));
}

it("says in every row with a length how far it can be trusted, of others' measurements, too", () => {
  const [own, theirs] = rowsOf([drawn({})], [drawn({ trackingUid: "2.25.2", madeBy: ofOthers })]);
  expect(own).toContain(atDetector);
  expect(theirs).toContain(atDetector);
});

it("says nothing of a length that is true, nor of an angle on the same film", () => {
  const angle = drawn({ trackingUid: "2.25.3", kind: "angle", measured: [{ quantity: "angle", value: 12, unit: "deg" }], caveats: [] });
  for (const row of rowsOf([drawn({ caveats: [] }), angle])) expect(row).not.toContain("Calibrated");
});

it("repeats the sentence of a report while its image is not opened", () => {
  const [row] = rowsOf([drawn({ caveats: [{ sentence: "Measured on the film or paper that was scanned, not in the patient." }] })]);
  expect(row).toContain("Measured on the film or paper that was scanned, not in the patient");
});

it("offers to calibrate an image in doubt, says which are calibrated by hand, and gives that back", () => {
  const ruler = { points: [[0, 0], [100, 0]] as const, lengthMm: 52.5 };
  const [before, after, image] = rowsOf([drawn({}), drawn({ trackingUid: "2.25.4", caveats: ["by_hand"], handCalibration: ruler })]);
  expect(before).toContain("Calibrate…");
  expect(after).toContain("Calibrated by hand");
  expect(image).toContain("a line of 52.5 mm");
  expect(image).toContain("End the calibration");
  expect(rowsOf([drawn({ caveats: [] })])[0]).not.toContain("Calibrate");
});

it("says that it does not know what is saved while the node does not answer, once, and saves nothing over it", () => {
  const unknown = { loaded: false, problem: unreachable() };
  const empty = panelOf([], [], unknown);
  expect(empty).not.toContain("No measurements");
  expect(empty).not.toContain("Saved in the study");
  expect(empty).toContain("what is saved is not known");
  expect(empty.split('data-testid="problem"')).toHaveLength(2);
  expect(empty).toContain("Try again");
  expect(panelOf([drawn({})], [], unknown)).toMatch(/<button[^>]*data-testid="save-measurements"[^>]*disabled/);
  expect(panelOf([drawn({})])).not.toMatch(/<button[^>]*data-testid="save-measurements"[^>]*disabled/);
});
