import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const spoken = new Set(["aria-label", "title", "placeholder", "alt", "label", "text", "word"]);
const chosen = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);
/** The same in every language. */
const names = new Set(["MediViewAI", "TLS", "3D", "mm", "/s", "W", "L", "AI", "sha256", "HU", "Esc"]);

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf-8" })
    .filter((name) => name.endsWith(".tsx"))
    .map((name) => join(folder, name));
}

function isSpoken(text: string): boolean {
  const words = text.replaceAll(/[^\p{L}\p{N}/]+/gu, " ").trim().split(" ");
  return words.some((word) => /\p{L}{2}/u.test(word) && !names.has(word));
}

/** Text within elements, and what is given as a literal to an attribute that people read or hear. */
export function literalsOf(source: string, name = "a.tsx"): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node) && isSpoken(node.text)) found.push(node.text.trim());
    if (ts.isJsxAttribute(node) && spoken.has(node.name.getText(tree))) {
      const literals = node.initializer ? stringsIn(node.initializer) : [];
      found.push(...literals.filter(isSpoken));
    }
    if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent) && node.expression) {
      const { expression } = node;
      // A sentence chosen by a condition: {busy ? "Saving" : "Save"}
      if (ts.isConditionalExpression(expression)) {
        found.push(...[expression.whenTrue, expression.whenFalse].flatMap(plain).filter(isSpoken));
      }
      if (ts.isBinaryExpression(expression) && chosen.has(expression.operatorToken.kind)) found.push(...plain(expression.right).filter(isSpoken));
    }
    ts.forEachChild(node, visit);
  };
  const plain = (node: ts.Node): string[] =>
    ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) ? [node.text] : templated(node);
  const templated = (node: ts.Node): string[] =>
    ts.isTemplateExpression(node) ? [node.head.text, ...node.templateSpans.map((span) => span.literal.text)] : [];
  const stringsIn = (node: ts.Node): string[] => {
    const inner: string[] = [];
    ts.forEachChild(node, (child) => {
      // What is compared or looked up is no text.
      const compared = ts.isBinaryExpression(child) && !chosen.has(child.operatorToken.kind);
      if (!compared && !ts.isCallExpression(child) && !ts.isElementAccessExpression(child)) inner.push(...stringsIn(child));
    });
    return [...plain(node), ...inner];
  };
  const tree = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  visit(tree);
  return found;
}

it("finds what is written into a component", () => {
  expect(literalsOf('const a = <p title="Go there">Hello {b ? "Save" : c} world</p>;')).toEqual([
    "Go there",
    "Hello",
    "Save",
    "world",
  ]);
  expect(literalsOf("const a = <p aria-label={`Go to ${b}`} className=\"text-dim\">{t.word}</p>;")).toEqual(["Go to "]);
  expect(literalsOf('const a = <p title={t.a}>{number} mm · MediViewAI</p>;')).toEqual([]);
});

it("has no words in the components: they are in shared/i18n, in every language", { timeout: 30_000 }, () => {
  const root = join(import.meta.dirname, "../..");
  const found = ["app", "features", "shared"]
    .flatMap((folder) => filesUnder(join(root, folder)))
    .flatMap((file) => literalsOf(readFileSync(file, "utf-8"), file).map((text) => `${file}: ${text}`));
  expect(found).toEqual([]);
});

/** Sentences that code makes up by itself: three words or more. */
export function sentencesOf(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const told =
      ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node) ? node.text.trim() : "";
    if (/^[\p{L}’']+ \p{L}+ \p{L}+ /u.test(`${told} `) && !isForProgrammers(node)) found.push(told);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("a.ts", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return found;
}

/** Of an exception that says what the code itself did wrong. */
function isForProgrammers({ parent }: ts.Node): boolean {
  return ts.isNewExpression(parent) || (parent && ts.isNewExpression(parent.parent));
}

it("has no sentences in the hooks", () => {
  expect(sentencesOf("const a = [`A mask could not ${b}`, \"A mask could not\", new Error(`A bug of ours ${c}`)];")).toEqual([
    "A mask could not",
    "A mask could not",
  ]);
  const root = join(import.meta.dirname, "../..");
  const features = readdirSync(join(root, "features")).map((name) => join(root, "features", name, "hooks"));
  const folders = [join(root, "shared", "hooks"), ...features].filter((folder) => existsSync(folder));
  expect(folders.length).toBeGreaterThan(3);
  const found = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap((entry) => sentencesOf(readFileSync(join(entry.parentPath, entry.name), "utf-8"))),
  );
  expect(found).toEqual([]);
});
