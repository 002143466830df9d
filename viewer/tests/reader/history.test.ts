import { expect, it } from "vitest";
import { History } from "@/features/reader/lib/history";

it("goes back and forth by steps, a drag being one", () => {
  const history = new History<string>();
  history.settle("saved");
  expect([history.undo(), history.canUndo]).toEqual([null, false]);
  history.record("drawn", 1000);
  for (const [at, state] of [[5000, "dragged 1"], [5020, "dragged 2"], [5400, "dragged"]] as const) history.record(state, at);
  history.settle("dragged, measured");
  expect([history.undo(), history.undo(), history.undo()]).toEqual(["drawn", "saved", null]);
  expect([history.redo(), history.redo(), history.redo()]).toEqual(["drawn", "dragged, measured", null]);
  expect(history.undo()).toBe("drawn");
  history.record("drawn again", 5500);
  expect(history.canRedo).toBe(false);
  expect(history.undo()).toBe("drawn");
});

it("takes what is another thing for a step of its own, however soon it comes", () => {
  const history = new History<readonly string[]>((before, after) => before.length === after.length);
  history.settle([]);
  history.record(["drawn"], 1000);
  history.record(["dragged"], 1010);
  history.record(["dragged", "copied"], 1020);
  expect([history.undo(), history.undo(), history.undo()]).toEqual([["dragged"], [], null]);
});
