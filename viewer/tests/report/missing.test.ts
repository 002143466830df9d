import { describe, expect, it } from "vitest";
import { missingInWords, type Missing } from "@/features/report/lib/missing";
import { messagesOf } from "@/shared/i18n";

const air = {
  text: "",
  category: "immediate",
  certainty: "present",
  sentence: "Free air below the diaphragm.",
  source_id: "text",
  concepts: [{ concept: "free_air", category: "immediate", names: { en: "free air", de: "freie Luft" } }],
  finding_ids: [],
} satisfies Missing;

describe("a critical finding that is not stated", () => {
  it("is named in the reader's language, with the sentence of its source as it stands", () => {
    expect(missingInWords(air, "de", messagesOf("de").report)).toBe(
      "Kritisch und nicht genannt: freie Luft. Quelle: „Free air below the diaphragm.“",
    );
    expect(missingInWords({ ...air, certainty: "uncertain" }, "en", messagesOf("en").report)).toBe(
      "Critical if confirmed and not stated: free air. Source: “Free air below the diaphragm.”",
    );
  });

  it("is the text of the alert where a rule of the site calls it critical", () => {
    const alert = { ...air, concepts: [], sentence: "Pneumothorax 0.97 (rule)." };
    expect(missingInWords(alert, "en", messagesOf("en").report)).toBe("Critical and not stated: Pneumothorax 0.97 (rule).");
  });
});
