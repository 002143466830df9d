/** How large a pixel of this screen is, by what a person measured on it; kept in this browser, a value for each screen. */

/** ISO/IEC 7810 ID-1: bank cards, driving licences. */
export const cardMm = { width: 85.6, height: 53.98 } as const;

/** Width of one of the screen's own pixels, mm: from a small tablet's to a beamer's. */
const leastMm = 0.03;
const greatestMm = 2;

/** What of a window says which screen it is on, and how large its pixels are drawn. */
export interface ScreenSeen {
  /** Of the screen, in the system's units: the same however far the page is zoomed. */
  width: number;
  height: number;
  /** The screen's own pixels in a CSS pixel: other with each step of the browser's zoom. */
  devicePixelRatio: number;
}

type Kept = Record<string, number>;

const keptUnder = "mediview.screenPitch";

const nameOf = ({ width, height }: ScreenSeen) => `${width}x${height}`;

/** mm of a screen's own pixel, where that many CSS pixels were measured to be so long; null where that is no screen's. */
export function pitchOf(pixels: number, lengthMm: number, { devicePixelRatio }: ScreenSeen): number | null {
  const mm = lengthMm / (pixels * devicePixelRatio);
  return Number.isFinite(mm) && mm >= leastMm && mm <= greatestMm ? mm : null;
}

/** mm of a CSS pixel on a screen; null where that screen was not measured. */
export function mmPerCssPixel(kept: Kept, screen: ScreenSeen): number | null {
  const mm = kept[nameOf(screen)];
  return mm === undefined ? null : mm * screen.devicePixelRatio;
}

/** What was kept, as far as it can be right. */
export function keptFrom(text: string | null): Kept {
  try {
    const read: unknown = JSON.parse(text ?? "{}");
    if (typeof read !== "object" || read === null) return {};
    const right = ([, mm]: [string, unknown]) => typeof mm === "number" && mm >= leastMm && mm <= greatestMm;
    return Object.fromEntries(Object.entries(read).filter(right)) as Kept;
  } catch {
    return {};
  }
}

let kept: Kept | null = null;
const listeners = new Set<() => void>();

function all(): Kept {
  if (kept) return kept;
  try {
    kept = keptFrom(window.localStorage.getItem(keptUnder));
  } catch {
    kept = {};
  }
  return kept;
}

function here(): ScreenSeen {
  return { width: window.screen.width, height: window.screen.height, devicePixelRatio: window.devicePixelRatio };
}

/** mm of a CSS pixel on the screen that the window is on now; null where it was not measured. */
export function currentMmPerPixel(): number | null {
  return typeof window === "undefined" ? null : mmPerCssPixel(all(), here());
}

/** Keeps that so many CSS pixels of this screen are so long; false where no screen's are. */
export function calibrateScreen(pixels: number, lengthMm: number): boolean {
  const mm = pitchOf(pixels, lengthMm, here());
  if (mm === null) return false;
  kept = { ...all(), [nameOf(here())]: mm };
  try {
    window.localStorage.setItem(keptUnder, JSON.stringify(kept));
  } catch {
    // A browser may forbid it; then for this page alone.
  }
  for (const listener of listeners) listener();
  return true;
}

/** Called when the screen was measured, the window lies on another one, or the page is zoomed. */
export function followScreen(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("resize", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("resize", listener);
  };
}
