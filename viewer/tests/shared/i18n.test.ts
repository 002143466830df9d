import { describe, expect, it } from "vitest";
import { bytes, dateText, decimal, findingValue, fixed, number } from "@/shared/lib/format";
import { messagesOf } from "@/shared/i18n";
import { withFallback } from "@/shared/i18n/fallback";
import { fr } from "@/shared/i18n/fr";
import { languageName, languages, preferred, setLanguage } from "@/shared/i18n/language";
import { studyBadge } from "@/shared/lib/state";

function leaves(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`));
}

describe("languages", () => {
  it("follows the browser's order of preference", () => {
    expect(preferred(["it-IT", "de-AT", "en"])).toBe("de");
    expect(preferred(["fr-CA", "en"])).toBe("fr");
    expect(preferred(["en-GB", "de"])).toBe("en");
    expect(preferred(["ja"])).toBe("en");
    expect(preferred([])).toBe("en");
  });

  it("has German for all that is English, and leaves nothing empty", () => {
    // The sentences of the node are English as they come; others are checked by their type.
    const own = ([path]: [string, unknown]) => !/^\.reasons\.(sentences|ends|health|caveats)/.test(path) && !path.startsWith(".problems.meanings");
    const english = leaves(messagesOf("en"), "").filter(own);
    const german = new Map(leaves(messagesOf("de"), "").filter(own));
    expect([...german.keys()].sort()).toEqual(english.map(([path]) => path).sort());
    for (const [path, value] of english) {
      expect(typeof german.get(path), path).toBe(typeof value);
      expect(german.get(path), path).not.toBe("");
    }
  });

  it("has French for sign-in, study list, search, report and some parts, and English for the rest", () => {
    const own = leaves(fr, "");
    const english = new Map(leaves(messagesOf("en"), ""));
    for (const [path, value] of own) {
      // A text that English no longer has is shown by nobody.
      expect(typeof value, path).toBe(typeof english.get(path));
      expect(value, path).not.toBe("");
    }
    const whole = ["common", "entry", "findingNames", "report", "search", "states", "studyList"];
    // Stages of jobs, curved planes, layouts as files, and a count of none.
    const parts = /^\.(reader\.noneFound|reasons\.stages\.|viewing\.curved\.|hangingProtocols\.(exportFile|importFile|fileTooLarge|noJson|noProtocols))/;
    const wanted = [...english.keys()].filter((path) => whole.includes(path.split(".")[1] ?? "") || parts.test(path));
    expect(own.map(([path]) => path).sort()).toEqual(wanted.sort());
    const shown = messagesOf("fr");
    expect([shown.studyList.columns.study_date, shown.viewing.presetLabel]).toEqual(["Date de l’examen", messagesOf("en").viewing.presetLabel]);
    expect([shown.reader.noneFound, shown.reader.noneFoundSentence("Métastases")]).toEqual([
      "rien de marqué",
      "Le logiciel n’a rien marqué (« Métastases » : 0), ce qui ne signifie pas qu’il n’y a rien.",
    ]);
    expect(languages.map(languageName)).toEqual(["English", "Deutsch", "Français"]);
  });

  it("falls back text by text, within groups and for texts that are made of values", () => {
    const pattern = { a: "A", group: { b: (n: number) => `${n} b`, c: "C" }, list: ["x"] };
    const found = withFallback(pattern, { group: { b: (n: number) => `${n} bé` } });
    expect([found.a, found.group.b(2), found.group.c, found.list]).toEqual(["A", "2 bé", "C", ["x"]]);
  });

  it("writes dates, numbers and states as people there do", () => {
    expect([dateText("20240131"), number(1234567), findingValue(1791.74, "cm3")]).toEqual([
      "2024-01-31",
      "1,234,567",
      "1,791.7",
    ]);
    setLanguage("fr");
    expect([dateText("20240131"), findingValue(1791.74, "cm3").replace(/\s/u, " ")]).toEqual(["31/01/2024", "1 791,7"]);
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
