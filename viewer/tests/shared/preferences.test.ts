import { afterEach, beforeEach, expect, it, vi } from "vitest";

const node = vi.hoisted(() => ({ stored: {} as Record<string, unknown>, refused: 0 }));
vi.mock("@/shared/api/api", () => ({
  getPreferences: () => Promise.resolve(node.stored),
  putPreferences: async (sent: Record<string, unknown>) => {
    if (JSON.stringify(sent).includes("wrong")) {
      node.refused += 1;
      // The one that the hooks know, which were loaded again.
      const { Problem } = await import("@/shared/api/problem");
      throw new Problem(422, "Invalid", "", "", "validation_failed");
    }
    node.stored = sent;
  },
}));

beforeEach(() => {
  // Another file of the same worker may have loaded the hooks with the real client.
  vi.resetModules();
  node.stored = { columns: ["patient"], hanging: null, phrases: [] };
  node.refused = 0;
});
afterEach(() => vi.restoreAllMocks());

it("keeps nothing that the node refused, and stores what is chosen after it", async () => {
  const { chosenPreferences, savePreferences, choosePreferences } = await import("@/shared/hooks/usePreferences");
  expect(await savePreferences({ hanging: { protocols: [{ name: "wrong" } as never] } })).toBe(false);
  expect((await chosenPreferences()).hanging).toBeNull();
  await choosePreferences({ phrases: [{ word: "wrong", text: "t" }] });
  expect((await chosenPreferences()).phrases).toEqual([]);
  expect(node.refused).toBe(2);
  await choosePreferences({ columns: ["state"] });
  expect(node.stored).toMatchObject({ columns: ["state"], hanging: null, phrases: [] });
  expect(await savePreferences({ hanging: { protocols: [] } })).toBe(true);
  expect((await chosenPreferences()).hanging).toEqual({ protocols: [] });
});
