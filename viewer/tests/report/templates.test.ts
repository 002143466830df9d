import { describe, expect, it } from "vitest";
import type { EditedSection } from "@/features/report/lib/reportText";
import { filledIn, fitting, openFields, withTemplate } from "@/features/report/lib/templates";
import type { ReportTemplate } from "@/shared/api/types";

const template = (title: string, more: Partial<ReportTemplate> = {}): ReportTemplate => ({
  template_id: title,
  version: 1,
  title,
  language: "en",
  modalities: ["CT"],
  body_parts: [],
  sections: [],
  source: "",
  changed_by: "",
  changed_at: "2026-12-01T00:00:00Z",
  ...more,
});

const edited = (text: string): EditedSection[] => [{ heading: "Findings", kind: "findings", text }];

describe("fitting", () => {
  it("shows the study's own part of the body first, and no other modality or part", () => {
    const all = [
      template("any"),
      template("abdomen", { body_parts: ["ABDOMEN"] }),
      template("head", { body_parts: ["HEAD"] }),
      template("MR", { modalities: ["MR"] }),
      template("always", { modalities: [] }),
    ];
    const titles = (bodyParts: string[]) =>
      fitting(all, { language: "en", modalities: ["CT", "SR"], bodyParts }).map(({ title }) => title);
    expect(titles(["Abdomen"])).toEqual(["abdomen", "always", "any"]);
    // Where no series says what it shows, the reader chooses.
    expect(titles([])).toEqual(["abdomen", "always", "any", "head"]);
  });
});

describe("withTemplate", () => {
  it("adds to the section of the same kind and brings what the report lacks", () => {
    const sections = [
      { heading: "Liver", kind: "findings" as const, text: "Liver: [normal|enlarged]." },
      { heading: "Impression", kind: "impression" as const, text: "[___]" },
    ];
    expect(withTemplate(edited("Lung volume 4 l."), { sections })).toEqual([
      { heading: "Findings", kind: "findings", text: "Lung volume 4 l.\nLiver: [normal|enlarged]." },
      { heading: "Impression", kind: "impression", text: "[___]" },
    ]);
  });
});

describe("open fields", () => {
  it("are found in their order, and other brackets are text", () => {
    const fields = openFields(edited("See [series 3].\nLiver [normal|enlarged], spleen [___ mm][ with effusion|]."));
    expect(fields.map(({ before, choices, unit }) => [before, choices, unit])).toEqual([
      ["Liver", ["normal", "enlarged"], ""],
      ["Liver [normal|enlarged], spleen", [], "mm"],
      ["Liver [normal|enlarged], spleen [___ mm]", ["with effusion", ""], ""],
    ]);
  });

  it("take what was chosen, with the unit behind a number", () => {
    const before = edited("Spleen [___ mm].\nLiver [normal|enlarged].");
    const [spleen] = openFields(before);
    const then = filledIn(before, spleen!, "112");
    expect(then[0]!.text).toBe("Spleen 112 mm.\nLiver [normal|enlarged].");
    expect(filledIn(then, openFields(then)[0]!, "normal")[0]!.text).toBe("Spleen 112 mm.\nLiver normal.");
  });

  it("leave no blank, sign or empty line where words are left out", () => {
    const text = edited("Heart normal [with effusion|].\n[Pleural effusion|]\nBones normal.");
    const then = filledIn(text, openFields(text)[0]!, "");
    expect(then[0]!.text).toBe("Heart normal.\n[Pleural effusion|]\nBones normal.");
    expect(filledIn(then, openFields(then)[0]!, "")[0]!.text).toBe("Heart normal.\nBones normal.");
  });
});
