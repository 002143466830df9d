import { expect, it } from "vitest";
import { orderSlices } from "@/dicom/sliceOrder";
import { videoPlaceOf } from "@/features/reader/lib/videos";

function series(sopClass: string) {
  const order = orderSlices([
    {
      "00080016": { vr: "UI", Value: [sopClass] },
      "00080018": { vr: "UI", Value: ["1.2"] },
      "00280010": { vr: "US", Value: [480] },
      "00280011": { vr: "US", Value: [640] },
    },
  ]);
  return { studyInstanceUid: "s", seriesInstanceUid: "e", order };
}

it("finds the video of an instance that is one, and of no other", () => {
  const endoscopy = series("1.2.840.10008.5.1.4.1.1.77.1.1.1");
  expect(videoPlaceOf(endoscopy, { sopInstanceUid: "1.2" })).toEqual(["s", "e", "1.2"]);
  expect(videoPlaceOf(endoscopy, { sopInstanceUid: "9" })).toBeNull();
  expect(videoPlaceOf(series("1.2.840.10008.5.1.4.1.1.77.1.1"), { sopInstanceUid: "1.2" })).toBeNull();
});
