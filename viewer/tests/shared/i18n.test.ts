import { afterEach, describe, expect, it } from "vitest";
import { bytes, dateText, decimal, findingValue, fixed, number } from "@/shared/lib/format";
import { messagesOf } from "@/shared/i18n";
import { preferred, setLanguage } from "@/shared/i18n/language";
import { studyBadge } from "@/shared/lib/state";

// Vitest runs without a browser: what the language is told to is all that counts.
Object.assign(globalThis, { document: { documentElement: { lang: "" } } });

function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`));
}

describe("languages", () => {
  afterEach(() => setLanguage("en"));

  it("follows the browser's order of preference", () => {
    expect(preferred(["fr-FR", "de-AT", "en"])).toBe("de");
    expect(preferred(["en-GB", "de"])).toBe("en");
    expect(preferred(["ja"])).toBe("en");
    expect(preferred([])).toBe("en");
  });

  it("has German for all that is English, and leaves nothing empty", () => {
    // The sentences of the node are English as they come; others are checked by their type.
    const own = ([path]: [string, unknown]) => !path.startsWith(".reasons.sentences") && !path.startsWith(".problems.meanings");
    const english = leaves(messagesOf("en"), "").filter(own);
    const german = new Map(leaves(messagesOf("de"), "").filter(own));
    expect([...german.keys()].sort()).toEqual(english.map(([path]) => path).sort());
    for (const [path, value] of english) {
      expect(typeof german.get(path), path).toBe(typeof value);
      expect(german.get(path), path).not.toBe("");
    }
  });

  it("writes dates, numbers and states as people there do", () => {
    expect([dateText("20240131"), number(1234567), findingValue(1791.74, "cm3")]).toEqual([
      "2024-01-31",
      "1,234,567",
      "1,791.7",
    ]);
    setLanguage("de");
    expect([dateText("20240131"), number(1234567), findingValue(1791.74, "cm3")]).toEqual([
      "31.01.2024",
      "1.234.567",
      "1.791,7",
    ]);
    expect([bytes(79_000_000), fixed(1234.56, 1), decimal(-0.25)]).toEqual(["79,0 MB", "1234,6", "-0,25"]);
    expect(studyBadge("running").word).toBe("Läuft");
    expect(dateText("")).toBe("");
  });
});
