import { expect, it } from "vitest";
import { withoutUnknown } from "@/features/reader/lib/layout/layout";
import { readViewAddress, viewParameters, type ViewAddress } from "@/features/reader/lib/layout/viewAddress";

const view: ViewAddress = {
  layout: "planes",
  arrangement: {
    rows: 1,
    columns: 3,
    cells: [
      { studyInstanceUid: "1.2", seriesInstanceUid: "1.2.1" },
      null,
      { studyInstanceUid: "9.8", seriesInstanceUid: "9.8.1", images: ["9.8.1.7", "9.8.1.8:2"] },
    ],
    active: 2,
    linked: true,
  },
  image: { sopInstanceUid: "9.8.1.7", frameNumber: 4 },
};

it("a view is read back from its address as it was", () => {
  expect(readViewAddress(viewParameters(view, "1.2"), "1.2")).toEqual(view);
});

it("an address with nothing, or with nonsense, asks for nothing", () => {
  const nothing = { layout: "stack", arrangement: null, image: null };
  expect(readViewAddress(new URLSearchParams("study=1.2"), "1.2")).toEqual(nothing);
  const nonsense = "layout=cube&grid=9x9&series=../a&active=7&image=<b>&frame=-1";
  expect(readViewAddress(new URLSearchParams(nonsense), "1.2")).toEqual(nothing);
});

it("a series that is gone leaves its viewport empty, and none at all no layout", () => {
  const studies = [{ study_instance_uid: "9.8", series: [{ series_instance_uid: "9.8.1" }] }];
  const { arrangement } = view;
  expect(arrangement && withoutUnknown(arrangement, studies)?.cells.map(Boolean)).toEqual([false, false, true]);
  expect(arrangement && withoutUnknown(arrangement, [])).toBeNull();
});
