import { expect, it } from "vitest";
import type { LoadedMask } from "@/cornerstone";
import { segmentName, segmentNamed } from "@/features/reader/lib/stage/hoveredSegment";

it("a row names the segment that it is of, of stored masks that are drawn alone", () => {
  const mask = (sopInstanceUid: string, ...numbers: number[]) =>
    ({ sopInstanceUid, segments: numbers.map((segmentNumber) => ({ segmentNumber })) }) as unknown as LoadedMask;
  const masks = [mask("1.2", 1, 2), mask("1.2.1", 1)];
  expect(segmentNamed(segmentName("1.2.1", 1), masks)).toEqual({ mask: masks[1], segmentNumber: 1 });
  expect(segmentNamed(segmentName("1.2", 2), masks)).toEqual({ mask: masks[0], segmentNumber: 2 });
  expect([segmentNamed(segmentName("1.2.1", 2), masks), segmentNamed("", masks)]).toEqual([null, null]);
});
