"use client";

import { useEffect, useSyncExternalStore } from "react";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { theme, type Theme } from "@/shared/lib/theme";

/** Dark or light pages, for this browser at once and for the person on every other one. */
export function ThemeSwitch() {
  const { common } = useText();
  const { choose } = usePreferences();
  const now = useSyncExternalStore<Theme>(theme.follow, theme.current, () => "dark");
  useEffect(() => theme.restore(), []);
  const next: Theme = now === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      data-testid="theme"
      className="control px-2"
      aria-label={common.themes[next]}
      title={common.themes[next]}
      onClick={() => {
        theme.set(next);
        choose({ theme: next });
      }}
    >
      <span aria-hidden="true">{now === "dark" ? "☀" : "☾"}</span>
    </button>
  );
}
