import { expect, it } from "vitest";
import { setLanguage } from "@/shared/i18n/language";
import { caveatSentence, findingName, measureName, structureName } from "@/shared/lib/findingNames";
import type { CaveatPart } from "@/shared/api/types";

it("names what the node's own pipelines measure in the language of the page, and leaves names of other models", () => {
  const labels = ["Left lung mean density", "Both lungs volume", "Intracranial volume", "Right thalamus volume", "Spiculated nodule volume", "Left lung"];
  expect(labels.map((one) => findingName(one, "en"))).toEqual(labels);
  expect(labels.map((one) => findingName(one, "de"))).toEqual([
    "Lunge links, mittlere Dichte",
    "Beide Lungen, Volumen",
    "Schädelinnenraum, Volumen",
    "Thalamus rechts, Volumen",
    "Spiculated nodule volume",
    "Lunge links",
  ]);
  expect(findingName("Left lung mean density", "fr")).toBe("Poumon à gauche, densité moyenne");
  expect([structureName("Thalamus", "de"), measureName("15th percentile", "de")]).toEqual(["Thalamus", "15. Perzentil der Dichte"]);
});

it("states a caveat in German by its kind, and in the node's words where it has no kind", () => {
  const caveat = (kind: CaveatPart["kind"], limits: CaveatPart["limits"] = []): CaveatPart => ({ kind, limits, text: "As the node states it." });
  setLanguage("en");
  expect(caveatSentence(caveat("streaks"))).toBeNull();
  setLanguage("de");
  expect(caveatSentence(caveat("streaks"))).toContain("unverdünntes Kontrastmittel");
  expect(caveatSentence(caveat("outside_population", ["age", "tube voltage"]))).toContain("(Alter, Röhrenspannung)");
  expect(caveatSentence(caveat("other"))).toBeNull();
});
