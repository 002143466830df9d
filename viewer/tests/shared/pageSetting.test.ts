import { afterEach, expect, it, vi } from "vitest";
import { PageSetting } from "@/shared/lib/pageSetting";

/** A browser's document and what it keeps; `full` where it keeps nothing more. */
function browser({ kept = {}, full = false }: { kept?: Record<string, string>; full?: boolean } = {}) {
  const store = new Map(Object.entries(kept));
  vi.stubGlobal("document", { documentElement: { dataset: {} as Record<string, string> } });
  vi.stubGlobal("window", {
    localStorage: {
      getItem: (key: string) => store.get(key) ?? null,
      setItem: (key: string, value: string) => {
        if (full) throw new DOMException("full", "QuotaExceededError");
        store.set(key, value);
      },
    },
  });
  return store;
}

afterEach(() => vi.unstubAllGlobals());

const density = () => new PageSetting("density", ["compact", "comfortable"]);

it("is the usual one until somebody chooses another, which the browser keeps", () => {
  const store = browser();
  const setting = density();
  const heard = vi.fn();
  const end = setting.follow(heard);
  expect(setting.current()).toBe("compact");
  setting.set("comfortable");
  expect(setting.current()).toBe("comfortable");
  expect(store.get("mediview.density")).toBe("comfortable");
  expect(heard).toHaveBeenCalledTimes(1);
  end();
  setting.set("compact");
  expect(heard).toHaveBeenCalledTimes(1);
});

it("is there again at the next visit, and a word that it does not know is none", () => {
  browser({ kept: { "mediview.density": "comfortable" } });
  const setting = density();
  setting.restore();
  expect(setting.current()).toBe("comfortable");
  browser({ kept: { "mediview.density": "cosy" } });
  setting.restore();
  expect(setting.current()).toBe("compact");
});

it("works for the page alone where the browser keeps nothing", () => {
  browser({ full: true });
  const setting = density();
  setting.set("comfortable");
  expect(setting.current()).toBe("comfortable");
});
