"use client";

import { useEffect, useState } from "react";
import type { OpenDrawing, Side } from "@/features/reader/hooks/masks/drawnSegments";
import type { DrawingState } from "@/features/reader/hooks/masks/drawingState";
import { listStructures } from "@/features/reader/lib/masks/drawnSegmentations";
import { useText } from "@/shared/hooks/useText";
import { fixed, unitSymbol } from "@/shared/lib/format";
import { currentLanguage } from "@/shared/i18n/language";
import { hexOf, rgbOfHex } from "@/dicom/color";
import type { DicomJson } from "@/dicom/dicomweb";
import { suvFactorOf } from "@/dicom/pet/suv";
import { unitOfValues } from "@/dicom/display/values";
import type { SegmentStatistics } from "@/dicom/drawing/statistics";
import type { DrawnStructure } from "@/shared/api/types";

const lesion = "49755003";
const sides: readonly Side[] = ["", "LEFT", "RIGHT"];

/** The segments that are drawn, each with its volume and values; and what the next one stands for. */
export function DrawnSegments({ state, open }: { state: DrawingState; open: OpenDrawing }) {
  const { viewing } = useText();
  const t = viewing.drawing;
  const active = open.segments.find(({ number }) => number === open.active);
  const dataset = open.drawing.series.order.slices[0]?.dataset;
  return (
    <div className="space-y-2">
      <ul className="space-y-1" aria-label={t.segments}>
        {open.segments.map((one) => {
          const statistics = state.statistics.get(one.number);
          return (
            <li key={one.number} data-testid="drawn-segment">
              <div className="flex items-center gap-1.5">
                <label className="flex min-w-0 flex-1 items-center gap-1.5">
                  <input
                    type="radio"
                    name="drawn-segment"
                    className="size-4 shrink-0 accent-accent"
                    checked={one.number === open.active}
                    onChange={() => state.choose(one.number)}
                  />
                  <span className="truncate">{one.label}</span>
                </label>
                <input
                  type="color"
                  className="swatch"
                  aria-label={t.color(one.label)}
                  value={hexOf(one.color)}
                  onChange={(event) => state.change(one.number, { color: rgbOfHex(event.target.value) })}
                />
                <input
                  type="checkbox"
                  className="size-4 shrink-0 accent-accent"
                  aria-label={t.show(one.label)}
                  title={t.show(one.label)}
                  checked={!one.hidden}
                  onChange={(event) => state.change(one.number, { hidden: !event.target.checked })}
                />
                <button
                  type="button"
                  aria-label={t.lock(one.label)}
                  aria-pressed={one.locked}
                  className="control min-h-6 px-1.5 py-0 aria-pressed:border-accent aria-pressed:text-accent"
                  onClick={() => state.change(one.number, { locked: !one.locked })}
                >
                  {t.locked}
                </button>
                <button type="button" className="control min-h-6 min-w-6 px-1.5 py-0" aria-label={t.remove(one.label)} title={t.remove(one.label)} onClick={() => state.remove(one.number)}>
                  ×
                </button>
              </div>
              <p
                className="pl-6 text-dim"
                data-testid="segment-statistics"
                data-voxels={statistics?.voxels ?? 0}
                data-volume-ml={statistics?.volumeMl ?? 0}
                data-mean={statistics?.mean ?? ""}
                data-sd={statistics?.stdDev ?? ""}
              >
                {statistics ? statisticsText(statistics, dataset) : t.empty}
              </p>
            </li>
          );
        })}
      </ul>
      {active && (
        <label className="flex items-center gap-2">
          <span className="w-16 text-dim">{t.label}</span>
          <input
            className="control min-w-0 flex-1 px-2 py-0"
            value={active.label}
            maxLength={64}
            onChange={(event) => state.change(active.number, { label: event.target.value })}
          />
        </label>
      )}
      <AddSegment state={state} />
    </div>
  );
}

function statisticsText({ volumeMl, mean, stdDev }: SegmentStatistics, dataset: DicomJson | undefined): string {
  const volume = `${fixed(volumeMl, volumeMl < 10 ? 3 : 1)} ${unitSymbol("mL")}`;
  if (mean === null || stdDev === null || !dataset) return volume;
  const suv = suvFactorOf(dataset);
  if (suv !== null) return `${volume} · SUV ${fixed(mean * suv, 2)} ± ${fixed(stdDev * suv, 2)}`;
  const unit = unitOfValues(dataset);
  return `${volume} · ${fixed(mean, 1)} ± ${fixed(stdDev, 1)} ${unit ? unitSymbol(unit) : ""}`.trimEnd();
}

function AddSegment({ state }: { state: DrawingState }) {
  const { viewing } = useText();
  const t = viewing.drawing;
  const [structures, setStructures] = useState<readonly DrawnStructure[]>([]);
  const [chosen, setChosen] = useState("");
  const [side, setSide] = useState<Side>("");
  useEffect(() => {
    let left = false;
    listStructures().then((found) => !left && setStructures(found), () => undefined);
    return () => {
      left = true;
    };
  }, []);
  const language = currentLanguage();
  const nameOf = (one: DrawnStructure) => (language === "de" ? one.name_de : one.name);
  const sorted = structures.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), language));
  const structure = structures.find(({ id }) => id === chosen);
  const usedSide = structure?.may_have_side ? side : "";
  const add = () => {
    if (!structure) return;
    state.add(structure, usedSide ? `${nameOf(structure)}, ${t.sides[usedSide].toLowerCase()}` : nameOf(structure), usedSide);
    setChosen("");
    setSide("");
  };
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      <select
        className="control min-w-0 flex-1"
        aria-label={t.addStructure}
        data-testid="draw-structure"
        value={chosen}
        onChange={(event) => setChosen(event.target.value)}
      >
        <option value="" disabled>
          {t.chooseStructure}
        </option>
        {([t.lesions, t.anatomy] as const).map((group, index) => (
          <optgroup key={group} label={group}>
            {sorted
              .filter(({ category }) => (category.value === lesion) === (index === 0))
              .map((one) => (
                <option key={one.id} value={one.id}>
                  {nameOf(one)}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
      {structure?.may_have_side && (
        <select className="control" aria-label={t.side} value={side} onChange={(event) => setSide(event.target.value as Side)}>
          {sides.map((one) => (
            <option key={one} value={one}>
              {t.sides[one]}
            </option>
          ))}
        </select>
      )}
      <button type="button" className="control min-h-6 px-2 py-0" data-testid="add-segment" disabled={!structure} onClick={add}>
        {t.add}
      </button>
    </div>
  );
}
