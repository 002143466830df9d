import { expect, it } from "vitest";
import { cardOf, fieldText, withField } from "@/features/admin/lib/models/cardFields";

it("reads the main fields of a card, and none of what is no object", () => {
  const card = cardOf('{"licence": "MIT", "score_at_least": 0.4, "title": {"a": 1}}')!;
  expect([fieldText(card, "licence"), fieldText(card, "score_at_least"), fieldText(card, "title")]).toEqual(["MIT", "0.4", ""]);
  expect(["[]", "3", "null", "{"].map(cardOf)).toEqual([null, null, null, null]);
});

it("changes one field and leaves the others as they are, in their order", () => {
  const card = cardOf('{"b": [1], "licence": "MIT", "a": {"x": 2}}')!;
  expect(JSON.parse(withField(card, "licence", "BSD"))).toEqual({ b: [1], licence: "BSD", a: { x: 2 } });
  expect(Object.keys(JSON.parse(withField(card, "licence", "BSD")) as object)).toEqual(["b", "licence", "a"]);
  expect(JSON.parse(withField(card, "licence", ""))).toEqual({ b: [1], a: { x: 2 } });
  expect(Object.keys(JSON.parse(withField(card, "title", "T")) as object)[0]).toBe("title");
});

it("keeps numbers as numbers, and leaves what is none for the node to name", () => {
  expect(withField({}, "score_at_least", "0.25")).toBe('{\n  "score_at_least": 0.25\n}\n');
  expect(withField({}, "score_at_least", "much")).toContain('"much"');
});
