import type { StructureSets } from "@/features/reader/hooks/masks/useStructureSets";
import { Section } from "@/features/reader/components/Section";
import { useText } from "@/shared/hooks/useText";
import type { LoadedSeries } from "@/cornerstone";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import type { Roi } from "@/dicom/segmentation/structureSet";

/** The ROIs of the study's structure sets: shown or hidden, and where they lie. */
export function ContourPanel({
  structureSets,
  series,
  layout,
  onShowImage,
}: {
  structureSets: StructureSets;
  /** The active series, whose images the contours are drawn on. */
  series: LoadedSeries | null;
  layout: Layout;
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
}) {
  const { viewing: t } = useText();
  const { sets, failures } = structureSets;
  if (sets.length === 0 && failures.length === 0) return null;
  const goTo = (roi: Roi) => {
    const indexes = series ? structureSets.slicesOf(roi, series) : [];
    const middle = indexes[Math.floor(indexes.length / 2)];
    const slice = middle === undefined ? undefined : series?.order.slices[middle];
    return slice && (() => onShowImage(slice.sopInstanceUid, slice.frameNumber));
  };
  return (
    <Section title={t.contours.title}>
      {layout === "volume" && <p className="mb-2 text-xs text-dim">{t.contours.notInVolume}</p>}
      {layout === "planes" && <p className="mb-2 text-xs text-dim">{t.contours.inPlanes}</p>}
      {sets.map((set) => (
        <div key={set.sopInstanceUid} className="mb-2">
          <h3 className="mb-1 text-xs font-medium">{set.label}</h3>
          {(structureSets.isOfOther(set) || structureSets.isUnchecked(set)) && (
            <p role="alert" className="mb-1 text-xs text-warn">
              {(structureSets.isOfOther(set) ? t.otherPatient : t.uncheckedPatient).named}
            </p>
          )}
          <ul className="space-y-1" data-testid="structure-set">
            {set.rois.map((roi) => {
              const show = goTo(roi);
              return (
                <li key={roi.number} className="flex items-center gap-2">
                  <input
                    type="checkbox"
                    data-testid="roi-toggle"
                    className="size-4 shrink-0 accent-accent"
                    aria-label={roi.name}
                    checked={structureSets.isVisible(roi)}
                    onChange={(event) => structureSets.setVisible(roi, event.target.checked)}
                  />
                  <span
                    aria-hidden="true"
                    className="size-3 shrink-0 rounded-full border border-line"
                    style={{ background: `rgb(${roi.color.join(" ")})` }}
                  />
                  <span className="min-w-0 flex-1 truncate" title={[roi.name, roi.interpretedType].filter(Boolean).join(", ")}>
                    {roi.name}
                    <span className="ml-2 text-xs text-dim">{roi.interpretedType}</span>
                  </span>
                  {layout === "planes" && structureSets.sectionObstacle(roi) !== null && roi.contours.length > 0 ? (
                    <span className="text-xs text-dim" data-testid="no-section">{t.contours.noSection}</span>
                  ) : show ? (
                    <button type="button" className="control px-2 py-0 text-xs" aria-label={t.goToOf(roi.name)} onClick={show}>
                      {t.goTo}
                    </button>
                  ) : (
                    <span className="text-xs text-dim">{roi.contours.length > 0 ? t.contours.elsewhere : t.noPixels}</span>
                  )}
                </li>
              );
            })}
          </ul>
          {series && set.rois.some((roi) => structureSets.isCut(roi, series)) && (
            <p role="alert" className="mt-1 text-xs text-warn">
              {t.contours.cut}
            </p>
          )}
        </div>
      ))}
      {failures.map((failure) => (
        <p key={failure} role="alert" className="mt-2 text-warn">
          {failure}
        </p>
      ))}
    </Section>
  );
}
