"use client";

import { useEffect, useSyncExternalStore } from "react";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { density, type Density } from "@/shared/lib/density";

/** Compact pages or comfortable ones, for this browser at once and for the person on every other one. */
export function DensitySwitch() {
  const { common } = useText();
  const { choose } = usePreferences();
  const now = useSyncExternalStore<Density>(density.follow, density.current, () => "compact");
  useEffect(() => density.restore(), []);
  const next: Density = now === "compact" ? "comfortable" : "compact";
  return (
    <button
      type="button"
      data-testid="density"
      className="control px-2"
      aria-label={common.densities[next]}
      title={common.densities[next]}
      onClick={() => {
        density.set(next);
        choose({ density: next });
      }}
    >
      <span aria-hidden="true">{now === "compact" ? "↕" : "≡"}</span>
    </button>
  );
}
