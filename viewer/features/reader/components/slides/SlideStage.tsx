"use client";

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ScaleBar } from "@/features/reader/components/measurements/ScaleBar";
import { TileStore } from "@/features/reader/lib/slides/tileStore";
import { clampedTo, levelFor, magnification, tilesIn, wholeSlide, zoomed, type Slide, type SlideView } from "@/dicom/slide";
import { useText } from "@/shared/hooks/useText";
import { decimal, glance } from "@/shared/lib/format";

const zoomStep = 1.25;
/** Of the screen, by a press of an arrow key. */
const panShare = 0.15;

const nothingLacking = { missing: 0, failures: 0 };

/** A whole slide in tiles: dragged, zoomed by wheel or key, the magnification that fits the screen fetched as it is needed. */
export function SlideStage({
  slide,
  studyInstanceUid,
  seriesInstanceUid,
  name,
}: {
  slide: Slide;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  name: string;
}) {
  const { viewing, common } = useText();
  const { slides: t } = viewing;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<readonly [number, number]>([0, 0]);
  const [chosen, setChosen] = useState<SlideView | null>(null);
  const [drawn, setDrawn] = useState(0);
  const store = useRef<TileStore | null>(null);
  const press = useRef<{ x: number; y: number; view: SlideView } | null>(null);
  const { levels } = slide;
  const [finest] = levels;
  const view = useMemo(() => chosen ?? (finest ? wholeSlide(finest, ...size) : null), [chosen, finest, size]);

  useEffect(() => {
    const made = new TileStore(studyInstanceUid, seriesInstanceUid, () => setDrawn((count) => count + 1));
    store.current = made;
    return () => {
      made.end();
      store.current = null;
    };
  }, [studyInstanceUid, seriesInstanceUid]);

  const attach = useCallback((element: HTMLDivElement | null) => {
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setSize([element.clientWidth, element.clientHeight]));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const level = view ? levelFor(levels, view.scale) : 0;
  const tiles = useMemo(() => (view && size[0] > 0 ? tilesIn(levels, level, view, ...size) : []), [levels, level, view, size]);
  const [lacking, setLacking] = useState(nothingLacking);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    const { current: all } = store;
    if (!context || !view || !all) return;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, ...size);
    // Coarser tiles that are there already lie beneath what is still to come.
    for (let at = levels.length - 1; at >= level; at -= 1) {
      const uid = levels[at]?.sopInstanceUid ?? "";
      for (const { frameNumber, x, y, width, height } of at === level ? tiles : tilesIn(levels, at, view, ...size)) {
        const tile = all.get(uid, frameNumber);
        if (tile) context.drawImage(tile, x, y, width, height);
      }
    }
    const uid = levels[level]?.sopInstanceUid ?? "";
    const coarsest = levels.length - 1;
    const beneath = level < coarsest ? tilesIn(levels, coarsest, view, ...size).slice(0, 4) : [];
    const lowest = levels[coarsest]?.sopInstanceUid ?? "";
    all.want([
      ...beneath.map(({ frameNumber }) => ({ sopInstanceUid: lowest, frameNumber })),
      ...tiles.map(({ frameNumber }) => ({ sopInstanceUid: uid, frameNumber })),
    ]);
    setLacking({ missing: tiles.filter(({ frameNumber }) => !all.get(uid, frameNumber)).length, failures: all.failures });
  }, [levels, level, tiles, view, size, drawn]);

  if (!finest) return null;
  const zoomBy = (factor: number, at: readonly [number, number] = [size[0] / 2, size[1] / 2]) =>
    view && setChosen(zoomed(view, factor, at, size, finest));
  const moveBy = (x: number, y: number) =>
    view && setChosen(clampedTo(finest, { ...view, x: view.x + x * size[0] * view.scale, y: view.y + y * size[1] * view.scale }));
  const keys: Record<string, () => void> = {
    "+": () => zoomBy(zoomStep),
    "-": () => zoomBy(1 / zoomStep),
    ArrowLeft: () => moveBy(-panShare, 0),
    ArrowRight: () => moveBy(panShare, 0),
    ArrowUp: () => moveBy(0, -panShare),
    ArrowDown: () => moveBy(0, panShare),
    r: () => setChosen(null),
  };
  const power = view && magnification(finest, view.scale);
  const { missing, failures } = lacking;
  return (
    <div
      ref={attach}
      role="application"
      aria-label={`${t.slide}, ${name}. ${t.keys}`}
      tabIndex={0}
      data-testid="slide"
      data-level={level}
      data-missing={missing}
      data-scale={view?.scale ?? ""}
      data-x={view?.x ?? ""}
      data-y={view?.y ?? ""}
      className="absolute inset-0 cursor-grab touch-none overflow-hidden bg-white focus-visible:-outline-offset-2"
      onKeyDown={(event) => {
        const act = event.ctrlKey || event.altKey || event.metaKey ? undefined : keys[event.key];
        if (!act) return;
        event.preventDefault();
        event.stopPropagation();
        act();
      }}
      onWheel={({ deltaY, clientX, clientY, currentTarget }) => {
        const { left, top } = currentTarget.getBoundingClientRect();
        zoomBy(deltaY < 0 ? zoomStep : 1 / zoomStep, [clientX - left, clientY - top]);
      }}
      onPointerDown={({ button, clientX, clientY, currentTarget, pointerId }) => {
        if (button !== 0 || !view) return;
        currentTarget.setPointerCapture(pointerId);
        press.current = { x: clientX, y: clientY, view };
      }}
      onPointerMove={({ clientX, clientY }) => {
        const { current: from } = press;
        if (!from) return;
        const { view: began } = from;
        setChosen(clampedTo(finest, { ...began, x: began.x - (clientX - from.x) * began.scale, y: began.y - (clientY - from.y) * began.scale }));
      }}
      onPointerUp={() => {
        press.current = null;
      }}
    >
      <canvas
        ref={canvas}
        width={Math.round(size[0] * devicePixels())}
        height={Math.round(size[1] * devicePixels())}
        className="absolute inset-0 h-full w-full"
        data-testid="slide-picture"
      />
      <div className="pointer-events-none absolute bottom-2 left-2 rounded bg-ground/85 px-2 py-1 text-xs text-ink" data-testid="slide-text">
        {power ? t.magnified(decimal(glance(power))) : t.pixels(decimal(glance(1 / (view?.scale ?? 1))))}
        {missing > 0 && failures === 0 && ` · ${viewing.loading}`}
        {view && finest.pixelMm && <ScaleBar mmPerPixel={finest.pixelMm * view.scale} />}
      </div>
      <div className="pointer-events-none absolute top-2 left-2 space-y-1 text-xs">
        {slide.hasMore && <p className="rounded bg-ground/85 px-2 py-1 text-warn">{t.hasMore}</p>}
        {slide.leftOut > 0 && <p className="rounded bg-ground/85 px-2 py-1 text-dim">{t.leftOut(slide.leftOut)}</p>}
        {failures > 0 && (
          <p role="alert" className="pointer-events-auto rounded bg-ground/85 px-2 py-1 text-warn">
            {t.failed(failures)}{" "}
            <button type="button" className="control px-2 py-0 text-xs" onClick={() => store.current?.retry()}>
              {common.tryAgain}
            </button>
          </p>
        )}
      </div>
    </div>
  );
}

function devicePixels(): number {
  return typeof window === "undefined" ? 1 : window.devicePixelRatio || 1;
}
