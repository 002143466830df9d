"use client";

import { useState } from "react";
import { Dialog } from "@/shared/components/Dialog";
import { useText } from "@/shared/hooks/useText";
import { decimal } from "@/shared/lib/format";
import { calibrateScreen, cardMm, currentMmPerPixel } from "@/shared/lib/screenPitch";

/** Of a screen that nobody measured: as CSS has it, 96 pixels an inch. */
const usualMmPerPixel = 25.4 / 96;
const [leastPx, mostPx] = [120, 640] as const;

/** Measures the screen by a card that is laid on it, or by a ruler; kept in this browser. */
export function ScreenSizeDialog({ onClose }: { onClose: () => void }) {
  const { viewing, common } = useText();
  const { trueSize: t } = viewing;
  const [widthPx, setWidthPx] = useState(() => clamped(Math.round(cardMm.width / (currentMmPerPixel() ?? usualMmPerPixel))));
  const [ruler, setRuler] = useState("");
  const [refused, setRefused] = useState(false);
  const lengthMm = ruler === "" ? cardMm.width : Number(ruler);
  return (
    <Dialog title={t.title} testId="screen-size" onClose={onClose}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (calibrateScreen(widthPx, lengthMm)) onClose();
          else setRefused(true);
        }}
      >
        <p className="text-sm">{t.card(decimal(cardMm.width), decimal(cardMm.height))}</p>
        <div
          data-testid="card"
          aria-hidden="true"
          className="rounded-md border-2 border-accent bg-raised"
          style={{ width: `${widthPx}px`, height: `${(widthPx * cardMm.height) / cardMm.width}px` }}
        />
        <label className="block text-xs text-dim">
          {t.width}
          <input
            type="range"
            data-testid="card-width"
            className="mt-1 block w-full accent-accent"
            min={leastPx}
            max={mostPx}
            value={widthPx}
            aria-valuetext={t.pixels(widthPx)}
            onChange={(event) => setWidthPx(Number(event.target.value))}
          />
        </label>
        <label className="block text-xs text-dim">
          {t.ruler}
          <input
            type="number"
            data-testid="ruler-mm"
            className="control mt-1 block w-28 text-ink"
            min="1"
            step="any"
            value={ruler}
            onChange={(event) => setRuler(event.target.value)}
          />
        </label>
        <p className="text-xs text-dim">{t.keptHere}</p>
        {refused && (
          <p role="alert" className="text-sm text-warn">
            {t.implausible}
          </p>
        )}
        <button type="submit" className="control">
          {common.save}
        </button>
      </form>
    </Dialog>
  );
}

const clamped = (px: number) => Math.max(leastPx, Math.min(mostPx, px));
