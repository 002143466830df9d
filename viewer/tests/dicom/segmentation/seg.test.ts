import { describe, expect, it } from "vitest";
import { rgbFromDicomLab } from "@/dicom/color";
import { segmentExtents } from "@/dicom/segmentation/labelmap";
import { maskSources, masksToShow, seriesToOpen, withoutPadding } from "@/dicom/segmentation/seg";
import type { Finding, SeriesSummary, StudyDetail } from "@/shared/api/types";

function finding(sop: string, source = "ct"): Finding {
  return {
    source_series_instance_uid: source,
    segmentation: { series_instance_uid: "s", sop_instance_uid: sop, segment_number: 1, color_rgb: [1, 2, 3] },
  } as Finding;
}

function series(uid: string, modality: string, instances: number, origin = "received"): SeriesSummary {
  return { series_instance_uid: uid, modality, instance_count: instances, origin } as SeriesSummary;
}

describe("which masks lie over a series", () => {
  const sources = maskSources("seg", [
    {
      "00080018": { vr: "UI", Value: ["old"] },
      "00081115": { vr: "SQ", Value: [{ "0020000E": { vr: "UI", Value: ["ct"] } }] },
    },
    {
      "00080018": { vr: "UI", Value: ["new"] },
      "00081115": { vr: "SQ", Value: [{ "0020000E": { vr: "UI", Value: ["ct"] } }] },
    },
  ]);

  it("takes those that the findings point at", () => {
    expect(masksToShow(sources, "ct", [finding("new")]).map((one) => one.sopInstanceUid)).toEqual(["new"]);
  });

  it("takes all when no finding points at any", () => {
    expect(masksToShow(sources, "ct", [])).toHaveLength(2);
    expect(masksToShow(sources, "mr", [])).toHaveLength(0);
  });
});

describe("the byte that makes the pixels' length even", () => {
  const numbers = { "00280008": 3, "00280010": 3, "00280011": 5, "00280100": 1 };
  const dataset = Object.fromEntries(
    Object.entries(numbers).map(([tag, value]) => [tag, { vr: "US", Value: [value] }]),
  );
  const file = (bytes: number) =>
    new Uint8Array([9, 9, 0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, bytes, 0, 0, 0, ...new Array(bytes).fill(7)])
      .buffer;

  it("is not counted", () => {
    // 3 frames of 3 × 5 bits are 45 bits, which take 6 bytes.
    expect(maskSources("seg", [dataset])[0]?.pixelBytes).toBe(6);
  });

  it("is taken away, and the length says so", () => {
    const read = new Uint8Array(withoutPadding(file(6), 5));
    expect([...read]).toEqual([9, 9, 0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 5, 0, 0, 0, 7, 7, 7, 7, 7]);
  });

  it("is taken away where other elements follow the pixels", () => {
    const trailing = [0xfc, 0xff, 0xfc, 0xff, 0x4f, 0x42, 0, 0, 2, 0, 0, 0, 1, 1];
    const part10 = new Uint8Array([...new Uint8Array(file(6)), ...trailing]).buffer;
    const read = [...new Uint8Array(withoutPadding(part10, 5))];
    expect(read.slice(10)).toEqual([5, 0, 0, 0, 7, 7, 7, 7, 7, ...trailing]);
  });

  it("is left alone where there is none, or where the pixels have another length", () => {
    for (const [part10, bytes] of [[file(6), 6], [file(8), 5], [new ArrayBuffer(4), 5]] as const) {
      expect(withoutPadding(part10, bytes)).toBe(part10);
    }
  });
});

describe("which series opens first", () => {
  const study = {
    jobs: [],
    series: [series("scout", "CT", 2), series("ct", "CT", 133), series("seg", "SEG", 500, "generated")],
  } as unknown as StudyDetail;

  it("is the one that the findings were made from", () => {
    expect(seriesToOpen(study, [finding("x", "scout")])).toBe("scout");
  });

  it("is the one with most images otherwise", () => {
    expect(seriesToOpen(study, [])).toBe("ct");
  });

  it("is none in a study without images", () => {
    expect(seriesToOpen({ jobs: [], series: [] } as unknown as StudyDetail, [])).toBeNull();
  });
});

describe("where a segment lies", () => {
  it("counts columns along the row of a matrix that is not square", () => {
    const empty = new Uint8Array(6);
    const plane = new Uint8Array(6);
    plane[4] = 1; // 3 columns, 2 rows: row 1, column 1
    const extent = segmentExtents([empty, plane, plane, plane, empty], 3).get(1);
    expect(extent).toEqual({ firstPlane: 1, lastPlane: 3, middlePlane: 2, column: 1, row: 1 });
  });
});

describe("a recommended display colour", () => {
  it("is white at full lightness and black at none", () => {
    expect(rgbFromDicomLab([65535, 32896, 32896])).toEqual([255, 255, 255]);
    expect(rgbFromDicomLab([0, 32896, 32896])).toEqual([0, 0, 0]);
  });

  it("is missing when the header gives none", () => {
    expect(rgbFromDicomLab([])).toBeNull();
  });
});
