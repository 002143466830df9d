import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { orderSlices } from "@/dicom/sliceOrder";
import { indexAt } from "@/dicom/secondAxis";

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value });

function image(number: number, z: number, more: DicomJson = {}): DicomJson {
  return {
    "00080018": value("UI", `1.2.${number}`),
    "00200013": value("IS", number),
    "00200032": value("DS", 0, 0, z),
    "00200037": value("DS", 1, 0, 0, 0, 1, 0),
    "00280010": value("US", 4),
    "00280011": value("US", 4),
    "00280030": value("DS", 1, 1),
    ...more,
  };
}

const uids = ({ slices }: ReturnType<typeof orderSlices>) => slices.map(({ sopInstanceUid }) => sopInstanceUid);

describe("a series with several images of each place", () => {
  it("is ordered by place, and there by b-value, however its images are numbered", () => {
    const order = orderSlices([
      image(1, 0, { "00189087": value("FD", 1000) }),
      image(2, 5, { "00189087": value("FD", 1000) }),
      image(3, 5, { "00189087": value("FD", 0) }),
      image(4, 0, { "00189087": value("FD", 0) }),
    ]);
    expect(order.axis).toEqual({ kind: "bValue", steps: 2, values: [0, 1000, 0, 1000], unit: "s/mm²" });
    expect(uids(order)).toEqual(["1.2.4", "1.2.1", "1.2.3", "1.2.2"]);
    expect(order.volumeRefusal).not.toBe("");
  });

  it("has at each place the values of that place", () => {
    const bValues = [0, 800].map((b, at) => image(at + 1, 0, { "00189087": value("FD", b) }));
    const above = [50, 1000].map((b, at) => image(at + 3, 5, { "00189087": value("FD", b) }));
    expect(orderSlices([...above, ...bValues]).axis?.values).toEqual([0, 800, 50, 1000]);
  });

  it("counts time by instance numbers where the headers say only how many times there are", () => {
    const times = [0, 5, 0, 5, 0, 5].map((z, at) => image(at + 1, z, { "00200105": value("IS", 3), "00180081": value("DS", 30) }));
    const order = orderSlices(times);
    expect(order.axis).toEqual({ kind: "time", steps: 3, values: [], unit: "" });
    expect(uids(order)).toEqual(["1.2.1", "1.2.3", "1.2.5", "1.2.2", "1.2.4", "1.2.6"]);
  });

  it("has no second axis where an image is missing, and none where each place has one", () => {
    const echoes = [10, 20].flatMap((ms, at) => [0, 5].map((z, place) => image(2 * at + place + 1, z, { "00180081": value("DS", ms) })));
    expect(orderSlices(echoes).axis).toMatchObject({ kind: "echo", values: [10, 20, 10, 20], unit: "ms" });
    expect(orderSlices(echoes.slice(1)).axis).toBeNull();
    expect(orderSlices([image(1, 0), image(2, 5), image(3, 10)]).axis).toBeNull();
  });

  it("is gone through by places and by steps, to its ends and not beyond", () => {
    const axis = { kind: "echo", steps: 3, values: [], unit: "ms" } as const;
    const at = (place: number, step: number) => indexAt({ ...axis, values: [] }, 12, place, step);
    expect([at(0, 0), at(2, 1), at(9, 1), at(-4, 2), at(1, 7)]).toEqual([0, 7, 10, 2, 5]);
  });
});
