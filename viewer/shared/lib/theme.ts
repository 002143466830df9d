export const themes = ["dark", "light"] as const;
export type Theme = (typeof themes)[number];

const key = "mediview.theme";
const listeners = new Set<() => void>();

/** Dark unless somebody chose otherwise: images are read in dark rooms. */
export function currentTheme(): Theme {
  if (typeof document === "undefined") return "dark";
  return themes.find((one) => one === document.documentElement.dataset.theme) ?? "dark";
}

/** From now on, and in this browser the next time from the start. */
export function setTheme(next: Theme): void {
  document.documentElement.dataset.theme = next;
  try {
    window.localStorage.setItem(key, next);
  } catch {
    // A browser may forbid it; then for this page alone.
  }
  for (const listener of listeners) listener();
}

/** The theme that was chosen in this browser before, before the node says which the person chose. */
export function restoreTheme(): void {
  try {
    const before = themes.find((one) => one === window.localStorage.getItem(key));
    if (before && before !== currentTheme()) setTheme(before);
  } catch {
    // Then the node's answer says it.
  }
}

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
