import { describe, expect, it } from "vitest";
import { expanded, isChanged, newest, toEdit, toSend } from "@/features/report/lib/reportText";
import type { Report, ReportSection } from "@/shared/api/types";

const sentence = (text: string, ...finding_ids: string[]) => ({
  text,
  finding_ids,
  prior_finding_ids: [],
  series_instance_uids: [],
  basis: "findings" as const,
  origin: "template" as const,
  author: "",
});

const report = {
  sections: [
    {
      heading: "Findings",
      kind: "findings",
      sentences: [sentence("The brain measures 1,791.7 cm³.", "a"), sentence("No mass.", "b")],
    },
  ] as ReportSection[],
};

describe("an edited report", () => {
  it("is one sentence a line, and the same where nothing was touched", () => {
    const edited = toEdit(report);
    expect(edited[0]?.text).toBe("The brain measures 1,791.7 cm³.\nNo mass.");
    expect(isChanged(report, edited)).toBe(false);
  });

  it("keeps the findings of what stands, and offers those of what was reworded", () => {
    const sent = toSend(report, [
      { heading: "Findings", kind: "findings", text: "Brain volume 1,791.7 cm³.\nNo mass.\n" },
    ]);
    expect(sent[0]?.sentences).toEqual([
      { text: "Brain volume 1,791.7 cm³.", finding_ids: ["a"] },
      { text: "No mass.", finding_ids: ["b"] },
    ]);
  });

  it("binds a new sentence to nothing", () => {
    const sent = toSend(report, [
      {
        heading: "Findings",
        kind: "findings",
        text: "New first.\n\nThe brain measures 1,791.7 cm³.\nNo mass.",
      },
    ]);
    expect(sent[0]?.sentences?.map((one) => one.finding_ids)).toEqual([[], ["a"], ["b"]]);
  });
});

describe("phrases", () => {
  const phrases = [{ word: "ob", text: "Unremarkable." }];

  it("take the place of their word before the cursor", () => {
    expect(expanded("Brain: ..ob", 11, phrases)).toEqual({ text: "Brain: Unremarkable.", cursor: 20 });
    expect(expanded("..ob and more", 4, phrases)?.text).toBe("Unremarkable. and more");
  });

  it("leave all other text alone", () => {
    expect(expanded("Brain: ..xx", 11, phrases)).toBeNull();
    expect(expanded("etc..ob", 7, phrases)).toBeNull();
    expect(expanded("..ob ", 5, phrases)).toBeNull();
  });
});

describe("the newest of a report", () => {
  const at = (version: number, updated_at: string) => ({ report_id: "r", version, updated_at }) as Report;

  it("is the later version, and of one version the one that changed last", () => {
    const answered = at(2, "2026-11-27T09:59:00.4Z");
    expect(newest(at(1, "2026-11-27T09:58:00Z"), answered)).toBe(answered);
    // A notice came beside the text; then it was dismissed, and the page has not read again.
    const noticed = at(2, "2026-11-27T09:59:01.419029Z");
    expect(newest(noticed, answered)).toBe(noticed);
    const dismissed = at(2, "2026-11-27T09:59:20Z");
    expect(newest(noticed, dismissed)).toBe(dismissed);
    expect(newest(null, answered)).toBe(answered);
    expect(newest(noticed, null)).toBe(noticed);
  });
});
