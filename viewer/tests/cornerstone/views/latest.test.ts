import { describe, expect, it } from "vitest";
import { Latest } from "@/cornerstone/views/latest";

describe("Latest", () => {
  it("says of what was begun before that it is past, be it the same again", () => {
    const latest = new Latest();
    const first = latest.begin();
    expect(first()).toBe(false);
    const second = latest.begin();
    expect([first(), second()]).toEqual([true, false]);
  });

  it("ends what was begun last", () => {
    const latest = new Latest();
    const isPast = latest.begin();
    latest.end();
    expect(isPast()).toBe(true);
    expect(latest.begin()()).toBe(false);
  });
});
