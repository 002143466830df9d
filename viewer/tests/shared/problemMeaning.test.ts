import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { messagesOf } from "@/shared/i18n";
import { setLanguage } from "@/shared/i18n/language";
import { meaningOf } from "@/shared/lib/problemMeaning";

/** Every code that the node documents, several of which may share a line. */
function documented(): string[] {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/problems.md"), "utf-8");
  return page.split("\n").flatMap((line) => {
    const first = /^\| (`[a-z_0-9]+`(?:, `[a-z_0-9]+`)*) \|/.exec(line)?.[1] ?? "";
    return [...first.matchAll(/`([a-z_0-9]+)`/g)].map(([, code = ""]) => code);
  });
}

it("has German for every code that the node refuses with, and for no other", () => {
  expect(documented().length).toBeGreaterThan(80);
  expect(Object.keys(messagesOf("de").problems.meanings).sort()).toEqual([...new Set(documented())].sort());
});

it("says what a refusal means, and leaves alone what it does not know", () => {
  expect(meaningOf({ status: 404, code: "not_found" })).toBeNull();
  setLanguage("de");
  expect(meaningOf({ status: 404, code: "not_found" })).toMatch(/gibt es nicht/);
  expect(meaningOf({ status: 418, code: "from_a_newer_node" })).toBeNull();
  expect(meaningOf({ status: 418, code: "toString" })).toBeNull();
  // What the viewer itself has to say is in the language of the page already.
  expect(meaningOf({ status: 0, code: "internal" })).toBeNull();
});
