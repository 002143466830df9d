import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const folders = ["app", "features", "shared", "cornerstone", "dicom"];

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "generated" ? [] : filesUnder(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

/** The files of the viewer that one file imports, as paths below viewer/. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(file, "utf-8")).importedFiles.flatMap(({ fileName }) => {
    const path = fileName.startsWith("@/")
      ? join(root, fileName.slice(2))
      : fileName.startsWith(".")
        ? normalize(join(dirname(file), fileName))
        : null;
    if (path === null) return [];
    const found = [".ts", ".tsx", "/index.ts"].map((end) => path + end).find((one) => existsSync(one));
    return found ? [relative(root, found)] : [];
  });
}

const files = folders.flatMap((folder) => filesUnder(join(root, folder)));
const imports = new Map(files.map((file) => [relative(root, file), importsOf(file)]));

/** The first circle that is found, as the files on it. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return null;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    path.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle) return circle;
  }
  return null;
}

it("finds a circle", () => {
  const graph = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", []], ["d", ["b"]]]);
  expect(circleIn(graph)).toEqual(["b", "d", "b"]);
});

it("has no circle of imports", () => {
  expect(imports.size).toBeGreaterThan(200);
  expect(circleIn(imports)).toBeNull();
});

/** What the files of a folder must not import. */
const forbidden: readonly (readonly [string, RegExp])[] = [
  ["shared/", /^(app|features|cornerstone)\//],
  ["dicom/", /^(app|cornerstone|features)\//],
  ["cornerstone/", /^(app|features)\//],
  ["features/", /^app\//],
];

it.each(forbidden)("%s imports nothing that stands above it", (folder, above) => {
  const wrong = [...imports].flatMap(([file, targets]) =>
    file.startsWith(folder) ? targets.filter((one) => above.test(one)).map((one) => `${file} imports ${one}`) : [],
  );
  expect(wrong).toEqual([]);
});

it("has no folder of more than about twenty files", () => {
  const sizes = new Map<string, number>();
  for (const file of imports.keys()) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([, size]) => size > 24)).toEqual([]);
});
