import { describe, expect, it } from "vitest";
import {
  draftOf,
  isTruncated,
  feedbackText,
  statedText,
  truncationText,
  typedNumber,
  valueText,
} from "@/shared/lib/feedback";
import type { Feedback, Finding } from "@/shared/api/types";

const measured = { value: 4.2 } as Finding;

describe("feedback", () => {
  it("reads a number with a point or a comma, and nothing else", () => {
    expect(["4.2", " 4,2 ", "-915", ".5", "4.", "1e3", "4,200.1", "", "four"].map(typedNumber)).toEqual([
      4.2, 4.2, -915, 0.5, 4, null, null, null, null,
    ]);
  });

  it("asks for a reason and a number before it is sent", () => {
    expect(draftOf(measured, "REJECTED", "", " ").problem).toMatch(/Enter a reason/);
    expect(draftOf(measured, "CORRECTED", "four", "why").problem).toMatch(/number/);
    expect(draftOf(measured, "CORRECTED", "4,3", "why").feedback).toEqual({
      kind: "CORRECTED",
      value: 4.3,
      label: "",
      reason: "why",
    });
    expect(draftOf(measured, "ACCEPTED", "", "").feedback?.kind).toBe("ACCEPTED");
  });

  it("never shows the value of a part as that of the structure, unless a person corrected it", () => {
    const part = {
      value: 0.32,
      unit: { value: "cm3" },
      validity: { state: "truncated", cut_off_at: ["right", "superior"], reason: "" },
      feedback: [],
    } as unknown as Finding;
    expect(isTruncated(part)).toBe(true);
    expect(statedText(part)).toBe("part only: 0.320 cm³");
    expect(truncationText(part)).toContain("on the right and at the top");
    const corrected = { ...part, feedback: [{ kind: "CORRECTED", value: 3.9 }] } as unknown as Finding;
    expect(isTruncated(corrected)).toBe(false);
    expect(isTruncated({ ...part, validity: null } as Finding)).toBe(false);
  });

  it("writes litres with two decimals, as the report does", () => {
    expect(valueText(3.685, "L")).toMatch(/^3\.6[89] L$/);
    expect(valueText(2, "L")).toBe("2.00 L");
    const given = { kind: "CORRECTED", value: 1.7, unit: { value: "L" }, label: "" } as Feedback;
    expect(feedbackText(given)).toBe("Corrected to 1.70 L");
  });
});
