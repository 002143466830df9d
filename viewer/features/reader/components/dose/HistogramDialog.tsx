"use client";

import { Fragment, useEffect, useState } from "react";
import { doseOfShare, histogramOf, type DoseHistogram, type HistogramObstacle } from "@/dicom/dose/histogram";
import type { DoseGrid } from "@/dicom/dose/doseGrid";
import { storedDoseOfShare, storedOf, type StoredHistogram, type StoredHistograms } from "@/dicom/dose/storedHistogram";
import type { Roi, StructureSet } from "@/dicom/segmentation/structureSet";
import { HistogramPlot } from "@/features/reader/components/dose/HistogramPlot";
import { Dialog } from "@/shared/components/Dialog";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";

export interface RoiHistogram {
  roi: Roi;
  stored: StoredHistogram | undefined;
  found: DoseHistogram | HistogramObstacle;
}

const noneHidden: ReadonlySet<Roi> = new Set();

/** The dose–volume histograms of all structures, each worked out in its turn so that the page stays quick. */
function useHistograms(grid: DoseGrid, sets: readonly StructureSet[], stored: StoredHistograms | null): readonly RoiHistogram[] {
  const [found, setFound] = useState<readonly RoiHistogram[]>([]);
  useEffect(() => {
    const rois = sets.flatMap((set) => set.rois.map((roi) => ({ roi, stored: storedOf(stored, set, roi, grid.kind) })));
    let gone = false;
    const work = async () => {
      const done: RoiHistogram[] = [];
      for (const one of rois) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (gone) return;
        done.push({ ...one, found: histogramOf(one.roi, grid) });
        setFound([...done]);
      }
    };
    void work();
    return () => {
      gone = true;
    };
  }, [grid, sets, stored]);
  return found;
}

/** What the structures get of a dose: curves, and the numbers of ICRU 83 in a table. */
export function HistogramDialog({
  grid,
  sets,
  stored,
  prescribedGy,
  prescriptionCount,
  onClose,
}: {
  grid: DoseGrid;
  sets: readonly StructureSet[];
  /** The histograms that the file of the dose holds; null of a sum. */
  stored: StoredHistograms | null;
  prescribedGy: number | null;
  prescriptionCount: number;
  onClose: () => void;
}) {
  const { viewing: t } = useText();
  const [hidden, setHidden] = useState(noneHidden);
  const all = useHistograms(grid, sets, stored);
  const shown = all.flatMap(({ roi, found }) => (typeof found === "string" || hidden.has(roi) ? [] : [{ roi, found }]));
  const storedShown = all.flatMap(({ roi, stored: own }) => (own && !hidden.has(roi) ? [{ roi, found: own }] : []));
  const storedLeft = (stored?.notDrawn ?? 0) + (stored?.histograms.length ?? 0) - all.filter((one) => one.stored).length;
  const isDone = all.length === sets.reduce((count, { rois }) => count + rois.length, 0);
  const dose = (value: number) => fixed(value, 2);
  return (
    <Dialog title={t.doses.histogram} testId="histogram" wide onClose={onClose}>
      <HistogramPlot histograms={shown} stored={storedShown} unit={grid.unit} most={grid.most} prescribed={grid.kind === "physical" ? prescribedGy : null} prescriptionCount={prescriptionCount} />
      <div className="overflow-x-auto">
        <table className="mt-3 w-full text-right text-xs tabular-nums">
          <thead className="text-dim">
            <tr>
              <th scope="col" className="text-left font-medium">{t.doses.structure}</th>
              <th scope="col" className="font-medium">{t.doses.volume}</th>
              {t.doses.columns(grid.unit).map((name) => (
                <th key={name} scope="col" className="pl-3 font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map(({ roi, found, stored: own }, index) => (
              <Fragment key={index}>
              <tr data-testid="histogram-row" data-roi={roi.name} className="border-t border-line">
                <th scope="row" className="py-0.5 text-left font-normal">
                  <label className="flex items-center gap-2">
                    <input
                      type="checkbox"
                      className="size-4 shrink-0 accent-accent"
                      disabled={typeof found === "string" && !own}
                      checked={(typeof found !== "string" || own !== undefined) && !hidden.has(roi)}
                      onChange={() =>
                        setHidden((now) => new Set(now.has(roi) ? [...now].filter((one) => one !== roi) : [...now, roi]))
                      }
                    />
                    <span aria-hidden="true" className="size-3 shrink-0 rounded-full" style={{ background: `rgb(${roi.color.join(" ")})` }} />
                    <span className="truncate">{roi.name}</span>
                  </label>
                </th>
                {typeof found === "string" ? (
                  <td colSpan={8} className="pl-3 text-left text-dim">
                    {t.doses.histogramObstacles[found]}
                  </td>
                ) : (
                  <>
                    <td className="pl-3" data-value={found.volumeMl}>
                      {fixed(found.volumeMl, 2)}
                      {found.outsideShare > 0.0005 && (
                        <span className="block text-warn">{t.doses.outside(fixed(found.outsideShare * 100, 1))}</span>
                      )}
                      {found.widestGapMm !== null && (
                        <span className="block text-warn" data-testid="wide-gap">
                          {(found.isParted ? t.doses.parted : t.doses.wideGap)(fixed(found.widestGapMm, 1))}
                        </span>
                      )}
                    </td>
                    {[
                      found.least,
                      found.mean,
                      found.most,
                      ...[0.98, 0.95, 0.5, 0.02].map((share) => doseOfShare(found, share)),
                    ].map((value, at) => (
                      <td key={at} className="pl-3" data-value={value}>
                        {dose(value)}
                      </td>
                    ))}
                  </>
                )}
              </tr>
              {own && <StoredRow roi={roi} own={own} />}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      {grid.kind !== "physical" && (
        <p className="mt-3 max-w-prose text-xs text-warn" data-testid="histogram-kind">
          {t.doses.kinds[grid.kind]}
        </p>
      )}
      <p className="mt-3 max-w-prose text-xs text-dim">
        {t.doses.method} {storedShown.length > 0 && t.doses.storedMethod}
      </p>
      {storedLeft > 0 && isDone && <p className="mt-1 max-w-prose text-xs text-dim">{t.doses.storedOther(storedLeft)}</p>}
      <p className="mt-1 text-xs text-warn">{t.doses.notForPlanning}</p>
    </Dialog>
  );
}

/** The numbers of a histogram that the file of the dose holds. */
function StoredRow({ roi, own }: { roi: Roi; own: StoredHistogram }) {
  const { viewing: t } = useText();
  const values = [
    own.volumeMl,
    own.least,
    own.mean,
    own.most,
    ...[0.98, 0.95, 0.5, 0.02].map((share) => storedDoseOfShare(own, share)),
  ];
  return (
    <tr data-testid="stored-row" data-roi={roi.name} className="text-dim">
      <th scope="row" className="py-0.5 pl-6 text-left font-normal" title={t.doses.storedHint}>
        <span className="sr-only">{`${roi.name}, `}</span>
        {t.doses.stored}
      </th>
      {values.map((value, at) => (
        <td key={at} className="pl-3" data-value={value ?? ""}>
          {value === null ? "–" : fixed(value, 2)}
        </td>
      ))}
    </tr>
  );
}
