"use client";

import { useCallback, useSyncExternalStore } from "react";
import type { LoadedSeries, ViewId } from "@/cornerstone";
import { slabAt } from "@/dicom/display/stackSlab";
import { slabPlacesOf } from "@/features/reader/hooks/tools/useStackSlab";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";

/** Where in the breast the slice or the slab of a tomosynthesis lies: on a line from its first slice to its last. */
export function SlabPosition({
  views,
  viewId,
  series,
}: {
  views: ViewStore;
  viewId: ViewId;
  series: LoadedSeries;
}) {
  const { viewing: t } = useText();
  const now = useCallback(() => views.get(viewId).info, [views, viewId]);
  const info = useSyncExternalStore(views.subscribe, now, now);
  const place = info && slabPlacesOf(series)[info.sliceNumber - 1];
  if (!place) return null;
  // What is on the screen, which may not be what was asked for last.
  const slab = info.stackSlab;
  const { indexes, thicknessMm } = slabAt(place, slab ?? { projection: "mean", slices: 1 });
  const { view, at, spacingMm } = place;
  const first = view.indexOf(indexes[0] ?? 0);
  const share = (slices: number) => `${(100 * slices) / view.length}%`;
  return (
    <div
      className="pointer-events-none absolute top-1/4 right-8 bottom-1/4 flex items-stretch gap-1.5 text-xs text-ink select-none [text-shadow:1px_0_#000,-1px_0_#000,0_1px_#000,0_-1px_#000,0_0_4px_#000]"
      aria-hidden="true"
      data-testid="slab-position"
      data-first={first + 1}
      data-count={indexes.length}
    >
      <div className="relative w-28 text-right">
        <div className="absolute right-0 -translate-y-1/2 whitespace-nowrap" style={{ top: share(at + 0.5) }}>
          <div data-testid="slab-place">{t.stackSlab.place(fixed((at + 0.5) * spacingMm, 1), fixed(view.length * spacingMm, 1))}</div>
          {slab && (
            <div className="text-warn" data-testid="slab-thickness-text">
              {t.stackSlab.drawn(t.projections[slab.projection], fixed(thicknessMm, 1), t.stackSlab.slices(indexes.length))}
            </div>
          )}
        </div>
      </div>
      <div className="relative w-1.5 rounded-full bg-white/25">
        <div className="absolute inset-x-0 min-h-0.5 rounded-full bg-accent" style={{ top: share(first), height: share(indexes.length) }} />
      </div>
    </div>
  );
}
