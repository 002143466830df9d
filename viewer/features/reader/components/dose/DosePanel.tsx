"use client";

import { useState } from "react";
import { DoseSum } from "@/features/reader/components/dose/DoseSum";
import { HistogramDialog } from "@/features/reader/components/dose/HistogramDialog";
import { Section } from "@/features/reader/components/Section";
import type { StructureSets } from "@/features/reader/hooks/masks/useStructureSets";
import type { DoseState } from "@/features/reader/hooks/dose/useDose";
import { isodoseLevels } from "@/dicom/dose/isodose";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import { fixed, glance } from "@/shared/lib/format";
import type { LoadedSeries } from "@/cornerstone";
import type { Layout } from "@/features/reader/lib/layout/viewAddress";
import type { Dose } from "@/features/reader/lib/dose/doses";

/** What the choice of doses says where several are added up; no UID. */
const sum = "sum";

/** The doses of the study: which lies over the images, how it is drawn, and what structures get of it. */
export function DosePanel({
  dose,
  structureSets,
  series,
  layout,
  isOfOther,
}: {
  dose: DoseState;
  structureSets: StructureSets;
  /** The active series, whose images the dose is drawn on. */
  series: LoadedSeries | null;
  layout: Layout;
  /** Whether an instance names another patient than the study, or may. */
  isOfOther: (sopInstanceUid: string) => boolean;
}) {
  const { viewing: t } = useText();
  const [open, setOpen] = useState(false);
  const { doses, parts, grid, look, setLook } = dose;
  const chosen = parts.length === 1 ? parts[0] : undefined;
  if (doses.length === 0 && !dose.problem) return null;
  const nameOf = (one: Dose, index: number) =>
    [one.summation, one.plan, one.comment].filter(Boolean).join(", ") || t.doses.unnamed(index + 1);
  return (
    <Section title={t.doses.title}>
      {doses.length > 0 && (
        <select
          aria-label={t.doses.title}
          data-testid="dose-choice"
          className="control w-full"
          value={parts.length > 1 ? sum : (chosen?.sopInstanceUid ?? "")}
          onChange={(event) => {
            dose.choose(event.target.value ? [event.target.value] : []);
            event.target.blur();
          }}
        >
          <option value="">{t.doses.none}</option>
          {doses.map((one, index) => (
            <option key={one.sopInstanceUid} value={one.sopInstanceUid}>
              {nameOf(one, index)}
            </option>
          ))}
          {parts.length > 1 && <option value={sum}>{t.doses.sumOf(parts.length)}</option>}
        </select>
      )}
      {doses.length > 1 && <DoseSum dose={dose} nameOf={nameOf} />}
      {parts.some(({ sopInstanceUid }) => isOfOther(sopInstanceUid)) && (
        <p role="alert" className="mt-1 text-xs text-warn">
          {t.otherPatient.named}
        </p>
      )}
      {parts.map(
        ({ sopInstanceUid, header }) =>
          typeof header === "string" && (
            <p key={sopInstanceUid} role="alert" className="mt-2 text-warn" data-testid="dose-obstacle">
              {t.doses.obstacles[header]}
            </p>
          ),
      )}
      {dose.sumObstacle && (
        <p role="alert" className="mt-2 text-warn" data-testid="sum-obstacle">
          {t.doses.sumObstacles[dose.sumObstacle]}
        </p>
      )}
      {dose.problem && <ProblemNote problem={dose.problem} />}
      {parts.length > 0 && parts.every(({ header }) => typeof header !== "string") && !grid && !dose.problem && !dose.sumObstacle && (
        <p role="status" className="mt-2 text-dim">
          {t.loading}
        </p>
      )}
      {grid && look && (
        <div className="mt-2 space-y-2 text-xs">
          {layout === "volume" && <p className="text-dim">{t.doses.notInVolume}</p>}
          {layout === "planes" && <p className="text-dim">{t.doses.notInSlabs}</p>}
          {grid.kind !== "physical" && (
            <p role="status" className="text-warn" data-testid="dose-kind">
              {t.doses.kinds[grid.kind]}
            </p>
          )}
          {series && !dose.fits(series) && (
            <p role="status" className="text-warn">
              {t.doses.otherFrame}
            </p>
          )}
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <label className="flex items-center gap-1.5">
              <input type="checkbox" data-testid="dose-wash-toggle" className="size-4 accent-accent" checked={look.wash} onChange={(event) => setLook({ ...look, wash: event.target.checked })} />
              {t.doses.wash}
            </label>
            <label className="flex items-center gap-1.5">
              <input type="checkbox" data-testid="dose-lines-toggle" className="size-4 accent-accent" checked={look.lines} onChange={(event) => setLook({ ...look, lines: event.target.checked })} />
              {t.doses.lines}
            </label>
            <input
              type="range"
              min={5}
              max={100}
              aria-label={t.doses.opacity}
              title={t.doses.opacity}
              className="w-20 accent-accent"
              disabled={!look.wash}
              value={Math.round(look.opacity * 100)}
              onChange={(event) => setLook({ ...look, opacity: Number(event.target.value) / 100 })}
            />
          </div>
          <label className="flex items-center gap-1.5">
            {t.doses.reference}
            <input
              type="number"
              min={0}
              step="any"
              data-testid="dose-reference"
              className="control w-20"
              value={glance(look.reference)}
              onChange={(event) => {
                const reference = Number(event.target.value);
                if (reference > 0) setLook({ ...look, reference });
              }}
            />
            {grid.unit}
          </label>
          <p className="text-dim">
            {grid.kind === "physical" && chosen?.prescribedGy === look.reference
              ? t.doses.byPlan(chosen.prescriptionCount)
              : look.reference === grid.most
                ? t.doses.byMost
                : t.doses.byReader}{" "}
            {t.doses.most(`${fixed(grid.most, 2)} ${grid.unit}`.trim())}
          </p>
          <ul className="grid grid-cols-2 gap-x-3" data-testid="isodose-levels">
            {isodoseLevels.map(({ percent, color }) => (
              <li key={percent} className="flex items-center gap-1.5">
                <span aria-hidden="true" className="size-3 shrink-0 rounded-sm" style={{ background: `rgb(${color.join(" ")})` }} />
                {`≥ ${percent} %`}
                <span className="ml-auto text-dim">{`${fixed((percent / 100) * look.reference, 2)} ${grid.unit}`.trim()}</span>
              </li>
            ))}
          </ul>
          <button
            type="button"
            className="control"
            data-testid="open-histogram"
            disabled={structureSets.sets.length === 0}
            title={structureSets.sets.length === 0 ? t.doses.noStructures : undefined}
            onClick={() => setOpen(true)}
          >
            {t.doses.histogram}
          </button>
        </div>
      )}
      {open && grid && (
        <HistogramDialog
          grid={grid}
          sets={structureSets.sets}
          stored={chosen?.stored ?? null}
          prescribedGy={chosen?.prescribedGy ?? null}
          prescriptionCount={chosen?.prescriptionCount ?? 0}
          onClose={() => setOpen(false)}
        />
      )}
    </Section>
  );
}
