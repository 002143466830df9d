import { describe, expect, it } from "vitest";
import { setLanguage } from "@/shared/i18n/language";
import { detailText, endText, reasonLanguage, reasonText, stageText, studyStateText } from "@/shared/lib/reasons";
import type { EndPart, HealthPart, ReasonPart, Refusal } from "@/shared/api/types";

const gap = "Slices 60 and 62 are 5.0 mm apart; the rest are 2.5 mm. Ask for a resend.";
const parts: ReasonPart[] = [
  { code: "gap", parameters: { first: "60", second: "62", found: "5.0", usual: "2.5" } },
  { code: "ask_for_resend", parameters: {} },
];

describe("a reason of the node", () => {
  it("is said in the language of the page, from its codes", () => {
    expect(reasonText(gap, parts)).toBe(gap);
    setLanguage("de");
    expect(reasonText(gap, parts)).toBe(
      "Die Schichten 60 und 62 liegen 5,0 mm auseinander, die übrigen 2,5 mm. Erneut senden lassen.",
    );
    expect(reasonLanguage(gap, parts)).toBeUndefined();
  });

  it("stays as the node wrote it where it has no code, or one of a newer node", () => {
    setLanguage("de");
    const newer = [{ code: "constructor" as never, parameters: {} }];
    for (const unknown of [[], undefined, newer]) {
      expect(reasonText(gap, unknown)).toBe(gap);
      expect(reasonLanguage(gap, unknown)).toBe("en");
    }
  });

  it("says in the language of the page why nothing was analysed", () => {
    const study = {
      state: "refused" as const,
      state_text: `No analysis fits series 4 (CT, 133 instances): ${gap} 2 more reasons with the series.`,
      series_count: 2,
      refusals: [
        { pipeline: "brain-volume", reason: "Modality is CT; only MR is taken.", reason_parts: [] },
        { pipeline: "lung-density", reason: gap, reason_parts: parts, series_number: 4 },
      ] as Refusal[],
    };
    expect(studyStateText(study)).toBe(study.state_text);
    setLanguage("de");
    expect(studyStateText(study)).toMatch(/^Keine Analyse passt zu Serie 4: Die Schichten 60 und 62 /);
    expect(studyStateText({ ...study, refusals: [] })).toBe(study.state_text);
  });
});

describe("what ended a job, and what a part of the node lacks", () => {
  it("is said in the language of the page, sentence by sentence", () => {
    const endParts: EndPart[] = [
      { code: "tried", parameters: { count: "3" } },
      { code: "disk_full", parameters: {} },
    ];
    const job = { reason: "Tried 3 times. Reading or writing failed: the disk is full.", reason_parts: endParts };
    const part = {
      ok: false,
      detail: "1,234.5 MiB of something.",
      detail_parts: [{ code: "disk_full" as const, parameters: { free: "300", folder: "/data", needed: "512" } }],
    };
    expect(endText(job)).toBe(job.reason);
    expect(detailText(part)).toBe(part.detail);
    setLanguage("de");
    expect(endText(job)).toBe("3-mal versucht. Lesen oder Schreiben ist gescheitert: Der Datenträger ist voll.");
    expect(detailText(part)).toMatch(/^Wo \/data liegt, sind 300 MiB frei; unter 512 MiB /);
    expect(endText({ reason: "A model of its own says no.", reason_parts: [] })).toBe("A model of its own says no.");
  });
});

describe("what the disk and retention are short of", () => {
  it("is stated in the language of the page, with what studies wait for", () => {
    const part: HealthPart = {
      ok: false,
      detail: "own",
      detail_parts: [
        { code: "retention_stuck", parameters: { missing: "1.5 GiB" } },
        { code: "studies_stay", parameters: { studies: "40 with instances owed to pacs, 1 on legal hold, 2 of a newer kind" } },
      ],
    };
    setLanguage("de");
    expect(detailText(part)).toBe(
      "Der Platz ist knapp, und von dem, was nötig ist, konnte die Aufbewahrung 1,5 GiB nicht freigeben. " +
        "Studien, die bleiben müssen: 40 mit Instanzen, die noch zu senden sind an pacs, 1 gesperrt (Legal Hold), 2 of a newer kind.",
    );
  });
});

describe("what a job is doing", () => {
  it("is stated in the language of the page, and as the model names it where that is its own", () => {
    const segment = { stage: "segment", stage_text: "Segmenting." };
    expect(stageText(segment)).toBe("Segmenting.");
    setLanguage("de");
    expect(stageText(segment)).toBe("Es wird segmentiert.");
    expect(stageText({ stage: "constructor", stage_text: "Constructor." })).toBe("Constructor.");
    setLanguage("fr");
    expect(stageText(segment)).toBe("Segmentation.");
    const died = { reason: "own", reason_parts: [{ code: "worker_died_while" as const, parameters: { count: "3", stage: "segment" } }] };
    expect(endText(died)).toBe("own");
    setLanguage("de");
    expect(endText(died)).toContain("zuletzt beim Schritt „Es wird segmentiert“.");
  });
});
