"use client";

import { MaskSegmentRow } from "@/features/reader/components/masks/MaskSegmentRow";
import type { MaskControls } from "@/features/reader/hooks/masks/useMaskControls";
import { useText } from "@/shared/hooks/useText";
import type { LoadedMask } from "@/cornerstone";

/** More segments than this scroll in a box of their own. */
const fewSegments = 8;

/** The segments of one mask, each with its colour, and the switch for all of them. */
export function MaskSegments({
  mask,
  controls,
  onShow,
  onCopy,
}: {
  mask: LoadedMask;
  controls: MaskControls;
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
  /** Draws on with a copy; null where nothing can be drawn, or something is. */
  onCopy: ((mask: LoadedMask) => void) | null;
}) {
  const { viewing: t } = useText();
  const { segments } = mask;
  const visible = segments.filter((one) => controls.isVisible(mask, one.segmentNumber)).length;
  const setAll = (shown: boolean) => {
    for (const { segmentNumber } of segments) controls.setVisible(mask, segmentNumber, shown);
  };
  const name = segments[0]?.algorithm || t.mask;
  return (
    <details open data-testid="mask" className="mb-2">
      <summary className="rounded">
        {name} <span className="text-xs text-dim">{t.segmentsShown(visible, segments.length)}</span>
      </summary>
      {mask.notes.map((note) => (
        <p key={note} role="note" className="my-1 text-xs text-warn" data-testid="mask-note">
          {note}
        </p>
      ))}
      {mask.notes.length > 0 && onCopy && (
        <button type="button" className="control my-1 px-2 py-0 text-xs" data-testid="copy-mask" title={t.drawing.copyHint} onClick={() => onCopy(mask)}>
          {t.drawing.copyMask}
        </button>
      )}
      {segments.length > 1 && (
        <div className="my-1 flex gap-1.5" role="group" aria-label={t.allSegments(name)}>
          <button
            type="button"
            className="control px-2 py-0 text-xs"
            disabled={visible === segments.length}
            onClick={() => setAll(true)}
          >
            {t.showAll}
          </button>
          <button
            type="button"
            className="control px-2 py-0 text-xs"
            disabled={visible === 0}
            onClick={() => setAll(false)}
          >
            {t.hideAll}
          </button>
        </div>
      )}
      <ul className={segments.length > fewSegments ? "max-h-60 space-y-1 overflow-y-auto p-1" : "space-y-1 p-1"}>
        {segments.map((segment) => (
          <MaskSegmentRow
            key={segment.segmentNumber}
            mask={mask}
            segment={segment}
            controls={controls}
            onGoTo={() => onShow(mask.sopInstanceUid, segment.segmentNumber)}
          />
        ))}
      </ul>
    </details>
  );
}
