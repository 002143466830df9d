"use client";

import { useSyncExternalStore } from "react";
import { useText } from "@/shared/hooks/useText";
import { spineLabelling } from "@/cornerstone";
import { levels } from "@/dicom/measurements/vertebrae";

/** Which level of the spine the next click names, and whether the clicks go down or up. */
export function SpineControls() {
  const { viewing: t } = useText();
  const now = useSyncExternalStore(spineLabelling.subscribe, spineLabelling.get, spineLabelling.get);
  const isDown = now.direction === "down";
  return (
    <div role="group" aria-label={t.spine.title} className="flex items-center gap-1">
      <select
        aria-label={t.spine.next}
        title={t.spine.next}
        data-testid="spine-next"
        className="control w-16"
        value={now.next}
        onChange={(event) => {
          spineLabelling.set({ ...now, next: event.target.value });
          event.target.blur();
        }}
      >
        {levels.map((level) => (
          <option key={level}>{level}</option>
        ))}
      </select>
      <button
        type="button"
        className="control px-1.5"
        data-testid="spine-direction"
        aria-label={isDown ? t.spine.down : t.spine.up}
        title={isDown ? t.spine.down : t.spine.up}
        onClick={() => spineLabelling.set({ ...now, direction: isDown ? "up" : "down" })}
      >
        {isDown ? "↓" : "↑"}
      </button>
    </div>
  );
}
