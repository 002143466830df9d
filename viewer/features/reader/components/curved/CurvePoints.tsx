import type { Vector } from "@/dicom/geometry";
import { Icon } from "@/features/reader/components/tools/icons";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";

const letters = [["L", "R"], ["P", "A"], ["H", "F"]] as const;

/** "L 12.0 · A 30.5 · H 4.0" */
function placeText(point: Vector): string {
  return letters.map(([plus, minus], axis) => `${(point[axis] ?? 0) < 0 ? minus : plus} ${fixed(Math.abs(point[axis] ?? 0), 1)}`).join(" · ");
}

/** The points of the curve as a list: what the mouse does with them is done by keyboard here. */
export function CurvePoints({ curved }: { curved: CurvedState }) {
  const { viewing } = useText();
  const { curved: t } = viewing;
  const { points, chosen, curve } = curved;
  if (points.length === 0) return null;
  const isBackwards = curve !== null && curve.lay.points[0] !== points[0];
  const along = (index: number) => curve?.path.pointsMm[isBackwards ? points.length - 1 - index : index] ?? null;
  const small = "control px-1.5 py-0 text-xs";
  return (
    <details className="text-xs text-ink" data-testid="curve-points">
      <summary>{t.points(points.length)}</summary>
      <ul className="max-h-32 overflow-y-auto">
        {points.map((point, index) => {
          const mm = along(index);
          return (
            <li key={index} className="flex items-center gap-1.5 py-0.5">
              <button
                type="button"
                data-testid="curve-point-row"
                aria-pressed={index === chosen}
                className={`${small} aria-pressed:border-accent`}
                title={t.goTitle}
                onClick={() => {
                  curved.choose(index);
                  if (mm !== null) curved.goTo(mm);
                }}
              >
                {t.point(index + 1)}
              </button>
              <span className="tabular-nums">{placeText(point)}</span>
              <button type="button" className={small} aria-label={t.moveHere(index + 1)} title={t.moveHere(index + 1)} onClick={() => curved.moveHere(index)}><Icon name="crosshairs" /></button>
              <button type="button" className={small} data-testid="remove-curve-point" aria-label={t.remove(index + 1)} title={t.remove(index + 1)} onClick={() => curved.remove(index)}>×</button>
            </li>
          );
        })}
      </ul>
      <button type="button" className={small} data-testid="clear-curve" onClick={curved.clear}>{t.clear}</button>
    </details>
  );
}
