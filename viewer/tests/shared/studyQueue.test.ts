import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type * as StudyQueues from "@/shared/lib/studyQueue";
import type { StudyQueue } from "@/shared/lib/studyQueue";

const api = "@/shared/api/api";
const listStudies = vi.fn();
let extended: typeof StudyQueues.extended;
let placeIn: typeof StudyQueues.placeIn;

// Test files share their modules: those of others know nothing of what is put in place here.
beforeAll(async () => {
  vi.resetModules();
  vi.doMock(api, () => ({ listStudies }));
  ({ extended, placeIn } = await import("@/shared/lib/studyQueue"));
});
afterAll(() => {
  vi.doUnmock(api);
  vi.resetModules();
});

const queue: StudyQueue = { asked: "modality=CT", offset: 50, uids: ["1.1", "1.2", "1.3"], total: 60 };

describe("the studies of a list", () => {
  it("say which comes next, and which number a study has in the whole list", () => {
    expect(placeIn(queue, "1.2")).toEqual({ number: 52, total: 60, previous: "1.1", next: "1.3", following: ["1.3"] });
    expect(placeIn(queue, "9.9")).toBeNull();
    expect(placeIn(null, "1.1")).toBeNull();
  });

  it("go on with the next page, by the same conditions and without a study twice", async () => {
    listStudies.mockResolvedValueOnce({ items: [{ study_instance_uid: "1.3" }, { study_instance_uid: "1.4" }] });
    const { signal } = new AbortController();
    const longer = await extended(queue, "1.3", signal);
    expect(longer.uids).toEqual(["1.1", "1.2", "1.3", "1.4"]);
    expect(listStudies).toHaveBeenCalledWith(expect.objectContaining({ modalities: ["CT"], offset: 53 }), signal);
    expect(placeIn(longer, "1.3")?.next).toBe("1.4");
  });

  it("go back to the page before, with the numbers of the whole list", async () => {
    listStudies.mockResolvedValueOnce({ items: [{ study_instance_uid: "0.9" }] });
    const longer = await extended({ ...queue, offset: 1 }, "1.1", new AbortController().signal);
    expect(placeIn(longer, "1.1")).toMatchObject({ number: 2, previous: "0.9" });
  });

  it("stay as they are in the middle", async () => {
    expect(await extended(queue, "1.2", new AbortController().signal)).toBe(queue);
  });
});
