import { expect, it } from "vitest";
import { ownReaderKeys, readerKeys } from "@/features/reader/lib/readerKeyHelp";
import { conflictOf, isMovable, shownKey, usualKey, withKey, type OwnKey } from "@/shared/lib/keys/ownKeys";
import { text } from "@/shared/i18n";

const all = readerKeys(text().viewing).flatMap(({ keys }) => keys).flatMap(({ keys }) => keys);

it("moves what a key does to another one, and frees the usual one", () => {
  const own = withKey("w", "Q", []);
  expect(usualKey("Q", own)).toBe("w");
  expect(usualKey("w", own)).toBeNull();
  expect(usualKey("z", own)).toBe("z");
  expect(shownKey("w", own)).toBe("Q");
  // The freed one is taken by another.
  const both = withKey("l", "w", own);
  expect(usualKey("w", both)).toBe("l");
  expect(usualKey("l", both)).toBeNull();
  expect(withKey("w", "w", both)).toEqual([{ usual: "l", key: "w" }]);
});

it("names what a key does already, until that is moved", () => {
  expect(conflictOf("w", "l", all, [])).toBe("l");
  expect(conflictOf("w", "w", all, [])).toBeNull();
  expect(conflictOf("w", "Q", all, [])).toBeNull();
  const moved: OwnKey[] = [{ usual: "l", key: "Q" }];
  expect(conflictOf("w", "l", all, moved)).toBeNull();
  expect(conflictOf("w", "Q", all, moved)).toBe("l");
});

it("leaves digits, the help, arrows and keys with Ctrl where they are", () => {
  expect(["w", "W", "[", "<", "+"].every(isMovable)).toBe(true);
  expect(["1", "?", "↑", "Esc", "Ctrl+Z", " ", "ü", "…"].some(isMovable)).toBe(false);
});

it("is what the overview of the keys shows", () => {
  const own: OwnKey[] = [{ usual: "w", key: "Q" }, { usual: "j", key: "ß" }];
  const shown = ownReaderKeys(text().viewing, own).flatMap(({ keys }) => keys);
  expect(shown.find(({ does }) => does === text().viewing.keys.window)?.keys).toEqual(["Q"]);
  expect(shown.find(({ does }) => does === text().viewing.keys.flip)?.keys).toEqual(["h", "ß"]);
});

it("has no key of the reader that does two things", () => {
  expect(all.filter((key, at) => isMovable(key) && all.indexOf(key) !== at)).toEqual([]);
});
