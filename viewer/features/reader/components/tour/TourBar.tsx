"use client";

import { tourStops } from "@/features/reader/lib/layout/tour";
import type { Tour } from "@/features/reader/hooks/useTour";
import { useText } from "@/shared/hooks/useText";

/** What the outlined part of the page is for; it covers nothing, and takes no key and no click from the images. */
export function TourBar({ tour: { stop, number, next, end } }: { tour: Tour }) {
  const { viewing } = useText();
  const { tour: t } = viewing;
  if (!stop) return null;
  const isLast = number === tourStops.length;
  return (
    <section aria-label={t.title} data-testid="tour" className="flex items-center gap-3 border-b border-accent bg-raised px-3 py-1.5 text-sm">
      <span className="text-xs whitespace-nowrap text-dim">{t.at(number, tourStops.length)}</span>
      <p role="status" className="min-w-0 flex-1">
        {t.stops[stop]}
      </p>
      <button type="button" className="control border-accent" data-testid="tour-next" onClick={next}>
        {isLast ? t.done : t.next}
      </button>
      {!isLast && (
        <button type="button" className="control" data-testid="tour-skip" onClick={end}>
          {t.skip}
        </button>
      )}
    </section>
  );
}

export function TourButton({ onClick }: { onClick: () => void }) {
  const { viewing } = useText();
  return (
    <button type="button" className="control" data-testid="begin-tour" onClick={onClick}>
      {viewing.tour.title}
    </button>
  );
}
