"use client";

import { useRef, useState } from "react";
import { valueText, type LoadedSeries } from "@/cornerstone";
import { stationAt } from "@/dicom/curves/path";
import { axesAt, type CurvedSlab, type Sampled } from "@/dicom/curves/reformat";
import { placeAt, shareOf, valueBeside, type CurvePlace } from "@/dicom/curves/screen";
import { directionLetters, edgeLetters, type EdgeLetters, type Vector } from "@/dicom/geometry";
import type { CurvedState, DrawnCurve } from "@/features/reader/hooks/curved/useCurved";
import { fixed } from "@/shared/lib/format";
import { useText } from "@/shared/hooks/useText";
import { Picture, type ShownWindow } from "./Picture";

/** So far a hand goes for a degree, px; less in all is a click. */
const pxPerDegree = 1.5;
const still = 4;
const turnStep = 5;
/** Marks along the curve, mm; every fifth is longer. */
const tickMm = 10;

const moves: Partial<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -1e6, End: 1e6 };

function negated([x, y, z]: Vector): Vector {
  return [-x, -y, -z];
}

/** The curve straightened: a drag turns it, a click or the wheel moves the cursor along it. */
export function Straightened({
  curved,
  curve: { lay, path },
  sampled,
  drawn,
  shown,
  series,
}: {
  curved: CurvedState;
  curve: DrawnCurve;
  sampled: Sampled;
  /** How the picture was made, which may be a moment behind what is asked for. */
  drawn: { degrees: number; slab: CurvedSlab };
  shown: ShownWindow | null;
  series: LoadedSeries;
}) {
  const { viewing } = useText();
  const { curved: t } = viewing;
  const press = useRef<{ x: number; y: number; degrees: number; moved: boolean } | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<CurvePlace | null>(null);
  const { cursorMm, markMm, degrees, loaded } = curved;
  const { runs } = lay;
  const placeOf = (clientX: number, clientY: number): CurvePlace | null => {
    const box = frame.current?.querySelector("canvas")?.getBoundingClientRect();
    if (!box || clientX < box.left || clientY < box.top || clientX > box.right || clientY > box.bottom) return null;
    return placeAt(sampled, runs, [(clientX - box.left) / box.width, (clientY - box.top) / box.height]);
  };
  const value = pointed && loaded.volume ? valueBeside(loaded.volume, path, pointed, drawn.degrees, drawn.slab) : null;
  const isDown = runs === "down";
  const [across, along] = [sampled.width * sampled.acrossMm, sampled.height * sampled.downMm];
  const at = (mm: number) => shareOf(sampled, runs, { alongMm: mm, acrossMm: 0 })[isDown ? 1 : 0] * along;
  const lineAt = (mm: number, from: number, to: number) => (isDown ? `M${from} ${at(mm)}H${to}` : `M${at(mm)} ${across - from}V${across - to}`);
  const ticks = Array.from({ length: Math.floor(path.lengthMm / tickMm) + 1 }, (_, n) => lineAt(n * tickMm, 0, across * (n % 5 === 0 ? 0.05 : 0.025)));
  const station = cursorMm === null ? null : stationAt(path, cursorMm);
  const letters = station ? lettersOf(path.stations, axesAt(station, degrees).across, isDown) : edgeLetters([0, 0, 0], [0, 0, 0]);
  const moveBy = (mm: number) => cursorMm !== null && curved.goTo(cursorMm + mm);
  return (
    <div
      ref={frame}
      role="slider"
      tabIndex={0}
      aria-label={t.pictureName}
      aria-valuemin={0}
      aria-valuemax={Number(path.lengthMm.toFixed(1))}
      aria-valuenow={Number((cursorMm ?? 0).toFixed(1))}
      aria-valuetext={t.at(fixed(cursorMm ?? 0, 1), fixed(path.lengthMm, 1), degrees)}
      data-testid="straightened"
      data-length-mm={path.lengthMm}
      data-cursor-mm={cursorMm ?? ""}
      data-degrees={degrees}
      data-drawn-degrees={drawn.degrees}
      data-runs={runs}
      className="relative grid min-h-24 min-w-24 flex-1 cursor-crosshair touch-none place-items-center [container-type:size] focus-visible:-outline-offset-2"
      onKeyDown={(event) => {
        const move = moves[event.key];
        const turn = { ArrowLeft: -turnStep, ArrowRight: turnStep }[event.key];
        if ((move === undefined && turn === undefined) || event.altKey || event.ctrlKey) return;
        event.preventDefault();
        event.stopPropagation();
        if (move !== undefined) moveBy(move);
        else curved.turn(degrees + (turn ?? 0));
      }}
      onWheel={({ deltaY }) => moveBy(Math.sign(deltaY) * Math.max(1, path.stepMm))}
      onPointerDown={({ button, clientX: x, clientY: y, currentTarget, pointerId }) => {
        if (button !== 0) return;
        currentTarget.setPointerCapture(pointerId);
        press.current = { x, y, degrees, moved: false };
      }}
      onPointerMove={({ clientX, clientY }) => {
        const from = press.current;
        setPointed(from ? null : placeOf(clientX, clientY));
        if (!from || (!from.moved && Math.hypot(clientX - from.x, clientY - from.y) <= still)) return;
        from.moved = true;
        // The front follows the hand, across the curve.
        const byPx = isDown ? clientX - from.x : from.y - clientY;
        curved.turn(from.degrees - byPx / pxPerDegree);
      }}
      onPointerUp={({ clientX, clientY }) => {
        const from = press.current;
        press.current = null;
        const place = from && !from.moved ? placeOf(clientX, clientY) : null;
        if (place) curved.goTo(place.alongMm);
      }}
      onPointerLeave={() => setPointed(null)}
    >
      <Picture sampled={sampled} runs={runs} shown={shown} letters={letters} testId="straightened-picture">
        <path d={ticks.join("")} fill="none" className="stroke-ink" opacity={0.8} vectorEffect="non-scaling-stroke" />
        {markMm !== null && <path d={lineAt(markMm, 0, across)} fill="none" className="stroke-warn" strokeDasharray="4 4" vectorEffect="non-scaling-stroke" />}
        {cursorMm !== null && <path data-testid="straightened-cursor" d={lineAt(cursorMm, 0, across)} fill="none" className="stroke-accent" opacity={0.8} vectorEffect="non-scaling-stroke" />}
      </Picture>
      {value && (
        <span data-testid="curved-value" data-value={value.value} className="absolute bottom-1 left-2 rounded bg-ground/80 px-1 text-xs text-ink" aria-hidden="true">
          {valueText(series, value, drawn.slab)}
        </span>
      )}
    </div>
  );
}

/** At the cursor across the curve, and at the ends of the curve along it. */
function lettersOf(stations: DrawnCurve["path"]["stations"], across: Vector, isDown: boolean): EdgeLetters {
  const [start, end] = [stations[0]?.tangent ?? across, stations.at(-1)?.tangent ?? across];
  const [from, to] = [directionLetters(negated(start)), directionLetters(end)];
  const [low, high] = [directionLetters(negated(across)), directionLetters(across)];
  return isDown ? { top: from, bottom: to, left: low, right: high } : { left: from, right: to, top: high, bottom: low };
}
