import { expect, it } from "vitest";
import { placeBeside, Previews } from "@/features/studies/lib/previews";

const picture = (uid: string) => [{ seriesInstanceUid: uid, words: "CT", url: `blob:${uid}` }];

it("reads the pictures of a study once, and lets go of those that were looked at longest ago", async () => {
  const read: string[] = [];
  const released: string[] = [];
  const previews = new Previews(async (uid) => (read.push(uid), picture(uid)), (url) => released.push(url), 2);
  const { signal } = new AbortController();
  for (const uid of ["1.1", "1.2", "1.1", "1.3"]) await previews.of(uid, signal);
  expect(read).toEqual(["1.1", "1.2", "1.3"]);
  // 1.1 was looked at again: 1.2 goes first.
  expect(released).toEqual(["blob:1.2"]);
  await previews.of("1.2", signal);
  expect(read.at(-1)).toBe("1.2");
  expect(released).toEqual(["blob:1.2", "blob:1.1"]);
});

it("keeps nothing of what could not be read", async () => {
  let answers = 0;
  const previews = new Previews(async (uid) => {
    answers += 1;
    if (answers === 1) throw new Error("The node is away");
    return picture(uid);
  }, () => undefined);
  const { signal } = new AbortController();
  await expect(previews.of("1.1", signal)).rejects.toThrow("away");
  expect(await previews.of("1.1", signal)).toEqual(picture("1.1"));
});

it("stands below a row, above the last ones, and within the window", () => {
  const screen = { width: 1000, height: 700 };
  const panel = { width: 300, height: 160 };
  const row = (top: number) => ({ left: 0, right: 1000, top, bottom: top + 32 });
  expect(placeBeside(row(100), 200, panel, screen)).toEqual({ left: 200, top: 136 });
  expect(placeBeside(row(600), 200, panel, screen)).toEqual({ left: 200, top: 436 });
  expect(placeBeside(row(100), 950, panel, screen).left).toBe(696);
  expect(placeBeside(row(100), -5, panel, screen).left).toBe(4);
});
