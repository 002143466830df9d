import { describe, expect, it, vi } from "vitest";

import { mayLeave } from "@/shared/hooks/usePageLeave";

describe("leaving for another page of the viewer", () => {
  it("asks nothing where all is saved", () => {
    const confirm = vi.fn(() => false);
    vi.stubGlobal("window", { confirm });
    expect(mayLeave("Leave?")).toBe(true);
    expect(confirm).not.toHaveBeenCalled();
    vi.unstubAllGlobals();
  });
});
