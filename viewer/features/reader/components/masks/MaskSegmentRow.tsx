"use client";

import { structureName } from "@/shared/lib/findingNames";
import { useState } from "react";
import type { MaskControls } from "@/features/reader/hooks/masks/useMaskControls";
import { segmentName } from "@/features/reader/lib/stage/hoveredSegment";
import { useText } from "@/shared/hooks/useText";
import { hexOf, rgbOfHex } from "@/dicom/color";
import type { LoadedMask } from "@/cornerstone";

/** One segment: seen or not, in which colour, where; and unfolded, how it is filled. */
export function MaskSegmentRow({
  mask,
  segment: { segmentNumber, label: stored, extent, color },
  controls,
  onGoTo,
}: {
  mask: LoadedMask;
  segment: LoadedMask["segments"][number];
  controls: MaskControls;
  onGoTo: () => void;
}) {
  const { viewing: t } = useText();
  const label = structureName(stored);
  const [open, setOpen] = useState(false);
  const style = controls.segmentStyleOf(mask, segmentNumber);
  const percent = Math.round(style.opacity * 100);
  return (
    <li data-segment={segmentName(mask.sopInstanceUid, segmentNumber)}>
      <div className="flex items-center gap-2">
        <input
          type="checkbox"
          data-testid="segment-toggle"
          className="size-4 shrink-0 accent-accent"
          aria-label={label}
          checked={controls.isVisible(mask, segmentNumber)}
          onChange={(event) => controls.setVisible(mask, segmentNumber, event.target.checked)}
        />
        <input
          type="color"
          className="swatch"
          data-testid="segment-color"
          aria-label={t.colorOf(label)}
          title={t.colorOf(label)}
          value={hexOf(controls.colorOf(mask, segmentNumber) ?? color)}
          onChange={(event) => controls.setColor(mask, segmentNumber, rgbOfHex(event.target.value))}
        />
        <button
          type="button"
          className="min-w-0 flex-1 truncate rounded text-left"
          aria-expanded={open}
          title={t.drawingOf(label)}
          onClick={() => setOpen(!open)}
        >
          <span aria-hidden="true" className="mr-1 inline-block w-2 text-dim">
            {open ? "▾" : "▸"}
          </span>
          {label}
        </button>
        {extent ? (
          <button type="button" className="control px-2 py-0 text-xs" aria-label={t.goToOf(label)} onClick={onGoTo}>
            {t.goTo}
          </button>
        ) : (
          <span className="text-xs text-dim">{t.noPixels}</span>
        )}
      </div>
      {open && (
        <div role="group" aria-label={t.drawingOf(label)} className="mt-1 flex items-center gap-3 pl-6 text-xs">
          <label className="flex items-center gap-1.5">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={style.fill}
              onChange={(event) =>
                controls.setSegmentStyle(mask, segmentNumber, { ...style, fill: event.target.checked })
              }
            />
            {t.fill}
          </label>
          <input
            type="range"
            min={0}
            max={100}
            className="min-w-0 flex-1 accent-accent"
            data-testid="segment-opacity"
            aria-label={t.opacityOf(label)}
            disabled={!style.fill}
            value={percent}
            onChange={(event) =>
              controls.setSegmentStyle(mask, segmentNumber, { ...style, opacity: Number(event.target.value) / 100 })
            }
          />
          <span className="w-10 text-right">{percent} %</span>
        </div>
      )}
    </li>
  );
}
