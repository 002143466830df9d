/** A key that a person moved to another one. */
export interface OwnKey {
  /** What the pages have. */
  usual: string;
  /** What the person presses. */
  key: string;
}

/** Digits choose presets, ? opens the help; everything longer than a character stays as it is. */
export function isMovable(key: string): boolean {
  return /^[!-~]$/.test(key) && !/^[0-9?]$/.test(key);
}

/** What is pressed for what the pages call `usual`. */
export function shownKey(usual: string, own: readonly OwnKey[]): string {
  return own.find((one) => one.usual === usual)?.key ?? usual;
}

/** What the pages call the key that is pressed; null where what it did was moved elsewhere. */
export function usualKey(pressed: string, own: readonly OwnKey[]): string | null {
  const moved = own.find(({ key }) => key === pressed);
  if (moved) return moved.usual;
  return own.some(({ usual }) => usual === pressed) ? null : pressed;
}

/** Which of the keys that the pages have is pressed by `key` already; null where none is. */
export function conflictOf(usual: string, key: string, all: readonly string[], own: readonly OwnKey[]): string | null {
  return all.find((other) => other !== usual && shownKey(other, own) === key) ?? null;
}

/** With one key moved; back at its usual place it is none of one's own. */
export function withKey(usual: string, key: string, own: readonly OwnKey[]): OwnKey[] {
  const others = own.filter((one) => one.usual !== usual);
  return key === usual ? others : [...others, { usual, key }];
}
