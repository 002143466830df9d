import { expect, it } from "vitest";
import type { ShownViewport } from "@/cornerstone";
import { addressOfShared, forgetSharedViewports, sharedViewports, viewStateOf } from "@/features/reader/lib/sharing/openedView";
import type { ViewAddress } from "@/features/reader/lib/layout/viewAddress";
import { linkTo } from "@/features/reader/lib/sharing/sharedViews";
import type { SharedView } from "@/shared/api/types";

const address: ViewAddress = {
  layout: "stack",
  arrangement: {
    rows: 1,
    columns: 2,
    cells: [
      { studyInstanceUid: "1.2", seriesInstanceUid: "1.2.1" },
      { studyInstanceUid: "9.8", seriesInstanceUid: "9.8.1" },
    ],
    active: 1,
    linked: true,
  },
  image: { sopInstanceUid: "9.8.1.7", frameNumber: 1 },
};
const viewports: ShownViewport[] = [
  { viewId: "cell-1", seriesInstanceUid: "1.2.1", image: { sopInstanceUid: "1.2.1.4", frameNumber: 3 }, center: null, window: { lower: -125.5, upper: 225 }, inverted: true },
  { viewId: "cell-2", seriesInstanceUid: "9.8.1", image: { sopInstanceUid: "9.8.1.7", frameNumber: 1 }, center: null, window: null, inverted: false },
];

function shared(view: SharedView["view"], studyInstanceUid = "1.2"): SharedView {
  return { shared_view_id: "x", study_instance_uid: studyInstanceUid, created_at: "", expires_at: "", is_yours: false, view };
}

it("what is sent comes back as the same viewports, images and windows", () => {
  const opened = addressOfShared(shared(viewStateOf(address, viewports, "1.2")));
  expect(opened).toBe("/study/?study=1.2&grid=1x2&series=1.2.1%2C9.8%2F9.8.1&active=2&linked=1&image=9.8.1.7");
  expect(sharedViewports("1.2")).toEqual(viewports);
  expect(sharedViewports("1.2"), "a page may be begun twice before it is there").toEqual(viewports);
  forgetSharedViewports("1.2");
  expect(sharedViewports("1.2")).toEqual([]);
});

it("planes come back where they looked", () => {
  const planes: ShownViewport[] = [
    { viewId: "axial", seriesInstanceUid: "1.2.1", image: null, center: [1.5, -2, 30], window: { lower: 0, upper: 80 }, inverted: false },
  ];
  addressOfShared(shared(viewStateOf({ ...address, layout: "planes" }, planes, "1.2")));
  expect(sharedViewports("1.2")).toEqual(planes);
});

it("the study is that of the link, and nothing else of an address is followed", () => {
  const wrong = shared({ address: "study=6.6.6&accession=7&next=//evil.example&grid=<b>", viewports: [] });
  expect(addressOfShared(wrong)).toBe("/study/?study=1.2");
});

it("a viewport that there is none of, and a window the wrong way round, are left out", () => {
  const sent = { series_instance_uid: "1.2.1", sop_instance_uid: null, frame_number: 1, is_inverted: false };
  addressOfShared(
    shared({
      address: "",
      viewports: [
        { ...sent, viewport: "cell-99" },
        { ...sent, viewport: "cell-1", window: { lower: 9, upper: 9 } },
      ],
    }),
  );
  expect(sharedViewports("1.2")).toMatchObject([{ viewId: "cell-1", window: null, image: null }]);
});

it("a link has a random identifier, and nothing of a study", () => {
  expect(linkTo("0b7c", "https://node.example")).toBe("https://node.example/study/?shared=0b7c");
});
