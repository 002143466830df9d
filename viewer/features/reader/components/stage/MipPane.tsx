"use client";

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { turnStep, useProjections } from "@/features/reader/hooks/stage/useProjections";
import type { LoadedSeries, Scene } from "@/cornerstone";
import { seenAt, shadesOf, voxelLps } from "@/dicom/pet/projection";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useText } from "@/shared/hooks/useText";
import type { WindowRange } from "@/dicom/windowing";

/** Between two pictures while it turns, ms. */
const turningMs = 120;
/** So far a hand goes for one picture, px; less than that is a click. */
const pxPerStep = 12;

const around = (degrees: number) => ((degrees % 360) + 360) % 360;

/** The maximum projection of activity, which turns; a click on it goes to the place of its brightest voxel. */
export function MipPane({
  series,
  range,
  scene,
  views,
}: {
  series: LoadedSeries;
  /** The window; null for that of the planes. */
  range: WindowRange | null;
  scene: Scene | null;
  views: ViewStore;
}) {
  const { viewing } = useText();
  const { mip: t } = viewing;
  const { volume, problem, at } = useProjections(series);
  const [degrees, setDegrees] = useState(0);
  const [turning, setTurning] = useState(false);
  const canvas = useRef<HTMLCanvasElement>(null);
  const press = useRef<{ x: number; degrees: number; moved: boolean } | null>(null);

  const windowKey = useSyncExternalStore(
    views.subscribe,
    useCallback(() => {
      const info = views.get("axial").info;
      return info ? `${info.center} ${info.width} ${info.inverted}` : "";
    }, [views]),
    () => "",
  );
  const placeKey = useSyncExternalStore(
    views.subscribe,
    useCallback(() => scene?.planes.point?.map((mm) => mm.toFixed(1)).join(" ") ?? "", [scene]),
    () => "",
  );
  const found = useMemo(() => at(degrees), [at, degrees]);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    const [center = 0, width = 0, inverted] = windowKey.split(" ");
    if (!context || !found || (!range && windowKey === "")) return;
    const shown = range ?? { lower: Number(center) - Number(width) / 2, upper: Number(center) + Number(width) / 2 };
    const shades = shadesOf(found, { ...shown, inverted: range !== null || inverted === "true" });
    context.putImageData(new ImageData(shades, found.width, found.height), 0, 0);
  }, [found, range, windowKey]);

  useEffect(() => {
    if (!turning || !volume) return;
    const timer = setInterval(() => setDegrees((now) => around(now + turnStep)), turningMs);
    return () => clearInterval(timer);
  }, [turning, volume]);

  const mark = found && placeKey ? seenAt(found, degrees, placeKey.split(" ").map(Number) as [number, number, number]) : null;
  const aspect = found ? (found.width * found.pixelMm[0]) / (found.height * found.pixelMm[1]) : 1;
  const goTo = (clientX: number, clientY: number) => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box || !found || !volume) return;
    const column = Math.floor(((clientX - box.left) / box.width) * found.width);
    const row = Math.floor(((clientY - box.top) / box.height) * found.height);
    const voxel = column < 0 || row < 0 || column >= found.width || row >= found.height ? -1 : (found.voxels[row * found.width + column] ?? -1);
    if (voxel >= 0) scene?.planes.goToPoint(voxelLps(volume, voxel));
  };
  return (
    <div className="relative min-h-0 min-w-0 overflow-hidden bg-black" data-testid="mip" data-degrees={degrees} data-ready={found !== null}>
      <div
        role="slider"
        tabIndex={0}
        aria-label={t.name}
        aria-valuemin={0}
        aria-valuemax={360 - turnStep}
        aria-valuenow={degrees}
        aria-valuetext={t.from(degrees)}
        className="absolute inset-0 grid touch-none place-items-center [container-type:size] focus-visible:-outline-offset-2"
        onKeyDown={(event) => {
          const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (steps === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          setDegrees((now) => around(now + steps * turnStep));
        }}
        onPointerDown={({ button, clientX, currentTarget, pointerId }) => {
          if (button !== 0) return;
          currentTarget.setPointerCapture(pointerId);
          press.current = { x: clientX, degrees, moved: false };
        }}
        onPointerMove={({ clientX }) => {
          const from = press.current;
          const steps = from ? Math.trunc((clientX - from.x) / pxPerStep) : 0;
          if (!from || (steps === 0 && !from.moved)) return;
          from.moved = true;
          // The front follows the hand.
          setDegrees(around(from.degrees - steps * turnStep));
        }}
        onPointerUp={({ clientX, clientY }) => {
          const from = press.current;
          press.current = null;
          if (from && !from.moved) goTo(clientX, clientY);
        }}
      >
        {found && (
          <div
            className="relative"
            // As large as the pane has room for either way.
            style={{ aspectRatio: aspect, width: `min(100cqw, ${100 * aspect}cqh)` }}
          >
            <canvas ref={canvas} width={found.width} height={found.height} className="h-full w-full" data-testid="mip-picture" />
            {mark && (
              <svg viewBox={`0 0 ${found.width} ${found.height}`} preserveAspectRatio="none" className="pointer-events-none absolute inset-0 h-full w-full" aria-hidden="true">
                <g data-testid="mip-mark" data-x={mark[0]} data-y={mark[1]} className="stroke-accent" strokeWidth={1} opacity={0.7}>
                  <line x1={mark[0]} x2={mark[0]} y1={0} y2={found.height} vectorEffect="non-scaling-stroke" />
                  <line x1={0} x2={found.width} y1={mark[1]} y2={mark[1]} vectorEffect="non-scaling-stroke" />
                </g>
              </svg>
            )}
          </div>
        )}
      </div>
      <div className="absolute top-1 left-2 flex items-center gap-2 text-xs text-ink">
        <span className="rounded bg-ground/80 px-1">{`${t.title} · ${t.from(degrees)}`}</span>
        <button type="button" className="control px-2 py-0 text-xs" data-testid="mip-turn" aria-pressed={turning} disabled={!volume} onClick={() => setTurning(!turning)}>
          {turning ? viewing.stop : t.turn}
        </button>
      </div>
      {!found && !problem && <p className="absolute inset-x-0 bottom-2 text-center text-xs text-dim">{viewing.loading}</p>}
      {problem && <ProblemNote problem={problem} />}
    </div>
  );
}
