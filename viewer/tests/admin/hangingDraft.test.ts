import { describe, expect, it } from "vitest";
import { emptyViewport, freeName, layoutsOf, movedBy, newProtocol, withGridOf, withLayout, withViewport, wordsOf } from "@/features/admin/lib/hangingDraft";

const chest = { ...newProtocol("Chest"), stages: [{ ...newProtocol("Later"), name: "Later" }] };

describe("a hanging protocol that is edited", () => {
  it("has a viewport for each place of its grid, and keeps those that it had", () => {
    const first = withViewport(chest, 0, { modalities: ["CT"] });
    const four = withGridOf(first, 2, 2);
    expect(four.viewports).toEqual([{ ...emptyViewport, required: true, modalities: ["CT"] }, emptyViewport, emptyViewport, emptyViewport]);
    expect(withGridOf(four, 1, 2).viewports).toHaveLength(2);
  });

  it("changes one of its layouts and leaves the others", () => {
    const wide = withLayout(chest, 1, withGridOf(layoutsOf(chest)[1] ?? chest, 1, 3));
    expect(layoutsOf(wide).map(({ columns }) => columns)).toEqual([1, 3]);
    expect(wide.stages[0]).not.toHaveProperty("modalities");
    const named = withLayout(wide, 0, { ...wide, linked: true });
    expect(named).toMatchObject({ name: "Chest", linked: true, modalities: [] });
    expect(named.stages).toBe(wide.stages);
  });

  it("is tried earlier or later, as far as there are others", () => {
    expect(movedBy(["a", "b", "c"], 2, -1)).toEqual(["a", "c", "b"]);
    expect(movedBy(["a", "b", "c"], 0, -1)).toEqual(["a", "b", "c"]);
    expect(movedBy(["a", "b", "c"], 0, 9)).toEqual(["b", "c", "a"]);
  });

  it("reads words between commas, and finds a name that is free", () => {
    expect(wordsOf(" CT, ,MR,CT ")).toEqual(["CT", "MR"]);
    expect(freeName("Chest", ["Chest", "Chest 2"])).toBe("Chest 3");
  });
});
