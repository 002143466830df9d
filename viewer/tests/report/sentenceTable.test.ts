import { describe, expect, it } from "vitest";
import { toEdit, toSend, withInsertions } from "@/features/report/lib/reportText";
import { acceptable, asSent, findingSentence, inserted, removed, reworded } from "@/features/report/lib/sentenceTable";
import type { Finding, Report, ReportSection } from "@/shared/api/types";

const sentence = (text: string, ...finding_ids: string[]) => ({
  text,
  finding_ids,
  prior_finding_ids: [],
  series_instance_uids: [],
  basis: "findings" as const,
  origin: "template" as const,
  author: "",
});

const report: Pick<Report, "sections"> = {
  sections: [
    { heading: "Technique", kind: "technique", sentences: [sentence("CT of the head.")] },
    { heading: "Findings", kind: "findings", sentences: [sentence("Brain 1,791.7 cm³.", "a"), sentence("No mass.", "b")] },
  ] as ReportSection[],
};

const texts = (sections: ReturnType<typeof asSent>) => sections.map(({ sentences }) => sentences.map(({ text }) => text));

const finding = (id: string, more: Partial<Finding> = {}) =>
  ({ finding_id: id, label: "Left hippocampus", value: 3.214, unit: { value: "cm3" }, feedback: [], validity: null, ...more }) as unknown as Finding;

describe("a change of one sentence", () => {
  it("sends all others as they stand, with their findings", () => {
    const sent = reworded(report, { section: 1, sentence: 0 }, "Brain of 1,791.7 cm³.");
    expect(sent[0]).toEqual(asSent(report)[0]);
    expect(sent[1]?.sentences).toEqual([
      { text: "Brain of 1,791.7 cm³.", finding_ids: ["a"] },
      { text: "No mass.", finding_ids: ["b"] },
    ]);
  });

  it("makes a sentence of each line, and removes what is empty", () => {
    expect(texts(reworded(report, { section: 1, sentence: 1 }, "No mass.\n\n No bleeding. "))[1]).toEqual([
      "Brain 1,791.7 cm³.",
      "No mass.",
      "No bleeding.",
    ]);
    expect(texts(reworded(report, { section: 1, sentence: 0 }, "  "))[1]).toEqual(["No mass."]);
    expect(texts(removed(report, { section: 0, sentence: 0 }))).toEqual([[], ["Brain 1,791.7 cm³.", "No mass."]]);
  });

  it("puts a sentence before another one or at the end, and is taken back by the text before", () => {
    const one = { text: "Left hippocampus: 3.21 cm³.", finding_ids: ["h"] };
    expect(texts(inserted(report, { section: 1, sentence: 1 }, one))[1]).toEqual(["Brain 1,791.7 cm³.", one.text, "No mass."]);
    const atEnd = inserted(report, { section: 1, sentence: 2 }, one);
    expect(atEnd[1]?.sentences?.at(-1)).toEqual(one);
    expect(asSent(report)).toEqual(asSent(report));
  });
});

describe("what can be accepted of a sentence", () => {
  it("is what nobody has judged and what is whole and plausible", () => {
    const judged = finding("a", { feedback: [{ kind: "ACCEPTED" }] } as unknown as Partial<Finding>);
    const cut = finding("b", { validity: { state: "truncated" } } as unknown as Partial<Finding>);
    const open = finding("c");
    expect(acceptable(sentence("…", "a", "b", "c"), [judged, cut, open, finding("d")])).toEqual([open]);
    expect(acceptable({ ...sentence("Not assessed: vessels.", "c"), basis: "node" }, [open])).toEqual([]);
  });
});

describe("a finding as a sentence", () => {
  it("states its value in the language of the report, with its finding", () => {
    expect(findingSentence(finding("h"), "en")).toEqual({ text: "Left hippocampus: 3.21 cm³.", finding_ids: ["h"] });
    expect(findingSentence(finding("h"), "de").text).toBe("Hippocampus links: 3,21 cm³.");
  });

  it("says what limits it, and takes what a reader has corrected", () => {
    const cut = finding("h", { validity: { state: "truncated" } } as unknown as Partial<Finding>);
    expect(findingSentence(cut, "en").text).toBe("Left hippocampus: part only: 3.21 cm³.");
    const corrected = finding("h", { feedback: [{ kind: "CORRECTED", value: 2.5, unit: { value: "cm3" }, label: "" }] } as unknown as Partial<Finding>);
    expect(findingSentence(corrected, "en").text).toBe("Left hippocampus: 2.50 cm³.");
    expect(findingSentence(finding("h", { value: null }), "en").text).toBe("Left hippocampus.");
  });

  it("words a count of none as what the software marked, and not as what is there", () => {
    const counted = (feedback: unknown[]) =>
      finding("h", {
        value: 0,
        unit: { value: "1" },
        label: "Metastasis found",
        code: { value: "NUMBERFOUND", scheme_designator: "99MEDIVIEW", meaning: "" },
        feedback,
      } as unknown as Partial<Finding>);
    expect(findingSentence(counted([]), "en").text).toBe(
      "The software marked nothing (“Metastasis found”: 0), which does not state that there is none.",
    );
    expect(findingSentence(counted([]), "de").text).toBe(
      "Die Software hat nichts markiert („Metastasis found“: 0); das sagt nicht, dass nichts vorliegt.",
    );
    const corrected = { kind: "CORRECTED", value: 2, unit: { value: "1" }, label: "" };
    expect(findingSentence(counted([corrected]), "en").text).toMatch(/^Metastasis found: 2/);
  });

  it("keeps its finding where it is put into the whole text", () => {
    const edited = withInsertions(toEdit(report), [(language) => findingSentence(finding("h"), language)], "en");
    const sent = toSend(report, edited);
    expect(sent[1]?.sentences?.at(-1)).toEqual({ text: "Left hippocampus: 3.21 cm³.", finding_ids: ["h"] });
    // Changed by hand it is bound to nothing: nobody knows whose place it took.
    const changed = edited.map((one) => ({ ...one, text: one.text.replace("3.21", "3.3") }));
    expect(toSend(report, changed)[1]?.sentences?.at(-1)?.finding_ids).toEqual([]);
  });
});
