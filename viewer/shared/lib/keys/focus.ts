/** Marks what takes the focus when the button that had it is gone; it needs a tabIndex. */
export const focusHome = "data-focus-home";

/** How long a page may take to show what an action has changed. */
const settledMs = 300;

/**
 * Remembers where the focus is, for after an action: a button that is disabled meanwhile loses it, and one that
 * is replaced takes it along. Gives it back, or else to the nearest home around it; never takes it from elsewhere.
 */
export function rememberFocus(): () => void {
  const before = document.activeElement;
  const homes: Element[] = [];
  for (let home = before?.closest(`[${focusHome}]`); home; home = home.parentElement?.closest(`[${focusHome}]`)) homes.push(home);
  const restore = () => {
    if (document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
    for (const one of [before, ...homes]) {
      if (!(one instanceof HTMLElement) || !one.isConnected || one === document.body) continue;
      one.focus({ preventScroll: true });
      if (document.activeElement === one) return;
    }
  };
  return () => {
    requestAnimationFrame(restore);
    setTimeout(restore, settledMs);
  };
}
