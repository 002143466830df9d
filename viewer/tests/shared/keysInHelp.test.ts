import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { readerKeys } from "@/features/reader/lib/readerKeyHelp";
import { listKeys } from "@/features/studies/lib/listKeyHelp";
import type { KeyGroup } from "@/shared/components/KeyHelp";
import { text } from "@/shared/i18n";

/** How the help writes what the browser calls a key; the last two do the same as another. */
const written: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  PageUp: "PgUp",
  PageDown: "PgDn",
  " ": text().viewing.playKey,
  Escape: "Esc",
  Delete: "Del",
  "Ctrl+arrowright": text().viewing.nextStudyKey,
  "Ctrl+arrowleft": text().viewing.previousStudyKey,
  "Ctrl+arrowdown": text().viewing.nextFindingKey,
  "Ctrl+arrowup": text().viewing.previousFindingKey,
  "Ctrl+enter": text().viewing.acceptKey,
  "Ctrl+backspace": text().viewing.rejectKey,
  "Ctrl+z": "Ctrl+Z",
  "Ctrl+y": "Ctrl+Y",
  "Ctrl+Shift+z": "Ctrl+Y",
  Backspace: "Del",
};

/** The names that object literals bind which are given to useHotkeys, or to useReaderKeys as `more`. */
function boundKeys(folder: string): string[] {
  const found: string[] = [];
  const namesOf = (node: ts.ObjectLiteralExpression) =>
    node.properties.flatMap(({ name }) => (name && (ts.isIdentifier(name) || ts.isStringLiteral(name)) ? [name.text] : []));
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const [given] = node.arguments;
      if (given && ts.isObjectLiteralExpression(given)) {
        if (node.expression.text === "useHotkeys") found.push(...namesOf(given));
        for (const property of node.expression.text === "useReaderKeys" ? given.properties : []) {
          if (!ts.isPropertyAssignment(property) || property.name.getText() !== "more") continue;
          if (ts.isObjectLiteralExpression(property.initializer)) found.push(...namesOf(property.initializer));
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  const names = readdirSync(folder, { recursive: true, encoding: "utf-8" }).filter((name) => /\.tsx?$/.test(name));
  for (const name of names) {
    const source = readFileSync(join(folder, name), "utf-8");
    if (source.includes("useHotkeys(") || source.includes("useReaderKeys(")) {
      visit(ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
    }
  }
  return found;
}

function missing(folder: string, help: KeyGroup[]): string[] {
  const shown = new Set(help.flatMap(({ keys }) => keys).flatMap(({ keys }) => keys));
  return boundKeys(folder).filter((key) => !shown.has(written[key] ?? key));
}

it("names every key of the reader and of the study list in their help", () => {
  expect(boundKeys("features/reader")).toContain("F");
  expect(boundKeys("features/reader")).toContain("Ctrl+z");
  expect(missing("features/reader", readerKeys(text().viewing))).toEqual([]);
  expect(missing("features/studies", listKeys())).toEqual([]);
});
