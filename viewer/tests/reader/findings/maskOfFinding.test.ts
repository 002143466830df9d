import { expect, test } from "vitest";
import { maskOfFinding } from "@/features/reader/lib/findings/maskOfFinding";
import type { Finding } from "@/shared/api/types";

const segmentation = { sop_instance_uid: "1.2.3", segment_number: 1 } as Finding["segmentation"];
const drawn = new Set(["1.2.3"]);
const image = (frame_number: number | null) =>
  ({ sop_instance_uid: "1.2", frame_number, graphic_type: "", points: [] }) as unknown as Finding["image"];

test("a finding of one frame of a cine is shown on that frame, others by their segment", () => {
  expect(maskOfFinding({ segmentation, image: image(4) }, drawn)).toBeNull();
  expect(maskOfFinding({ segmentation, image: image(null) }, drawn)).toBe(segmentation);
  expect(maskOfFinding({ segmentation, image: null }, drawn)).toBe(segmentation);
});

test("a finding whose segment is not drawn is shown by its image", () => {
  expect(maskOfFinding({ segmentation, image: image(null) }, new Set())).toBeNull();
});
