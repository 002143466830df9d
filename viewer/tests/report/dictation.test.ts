import { describe, expect, it } from "vitest";
import { canDictate, recognitionOf, speechTag, transcripts, withDictated, type RecognitionClass } from "@/features/report/lib/dictation";

const result = (transcript: string, isFinal: boolean) => Object.assign([{ transcript }], { isFinal });

describe("where dictation is offered", () => {
  class Remote {}
  class Local {
    static available = async ({ langs }: { langs: string[] }) => (langs[0] === "en-US" ? "available" : "downloadable");
    get processLocally() {
      return false;
    }
  }
  const [remote, local] = [Remote, Local] as unknown as RecognitionClass[];

  it("is only where the site allows it and the browser has it", async () => {
    expect(await canDictate(remote ?? null, "off", "en-US")).toBe(false);
    expect(await canDictate(null, "browser", "en-US")).toBe(false);
    expect(await canDictate(remote ?? null, "browser", "en-US")).toBe(true);
    expect(recognitionOf({ webkitSpeechRecognition: Remote })).toBe(Remote);
    expect(recognitionOf({})).toBeNull();
  });

  it("leaves the computer never where the site says so", async () => {
    expect(await canDictate(remote ?? null, "device", "en-US")).toBe(false);
    expect(await canDictate(local ?? null, "device", "en-US")).toBe(true);
    expect(await canDictate(local ?? null, "device", "de-DE")).toBe(false);
  });

  it("speaks the report's language", () => {
    expect([speechTag("de"), speechTag("en"), speechTag("it"), speechTag("")]).toEqual(["de-DE", "en-US", "it", "en-US"]);
  });
});

describe("what was dictated", () => {
  it("is what came since, finished apart from guessed", () => {
    const results = [result("Old.", true), result(" no pleural", true), result("eff", false)];
    expect(transcripts({ resultIndex: 1, results })).toEqual({ final: "no pleural", interim: "eff" });
  });

  it("stands at the cursor, apart from its neighbours, a sentence begun in capitals", () => {
    expect(withDictated("", 0, "no mass")).toEqual({ text: "No mass", cursor: 7 });
    expect(withDictated("Liver normal.", 13, "no mass")).toEqual({ text: "Liver normal. No mass", cursor: 21 });
    expect(withDictated("Liver is enlarged", 8, "not").text).toBe("Liver is not enlarged");
    expect(withDictated("Liver normal", 12, ".").text).toBe("Liver normal.");
    expect(withDictated("A.\nB", 3, "new").text).toBe("A.\nNew B");
  });
});
