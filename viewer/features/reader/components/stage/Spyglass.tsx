"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import type { SpyglassState } from "@/features/reader/hooks/stage/useSpyglass";
import type { ViewStore } from "@/features/reader/lib/layout/viewStore";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";
import type { GlassView, Scene, ViewId } from "@/cornerstone";

/** Share of the viewport's shorter side, within limits, CSS pixels. */
const radiusShare = 0.22;
const radiusPx = { least: 60, most: 150 };

/** Round, at the pointer or in the middle of the active viewport: the image of another viewport at the same place. */
export function Spyglass({
  scene,
  viewId,
  element,
  views,
  state,
  isActive,
  nameOf,
}: {
  scene: Scene;
  viewId: ViewId;
  element: HTMLElement;
  views: ViewStore;
  state: SpyglassState;
  isActive: boolean;
  /** What the series is that is seen through it. */
  nameOf: (series: GlassView["series"]) => string;
}) {
  const { viewing: t } = useText();
  const [pointer, setPointer] = useState<readonly [number, number] | null>(null);
  const [seen, setSeen] = useState<GlassView | null>(null);
  const { nth, pointed, point } = state;
  const { clientWidth: width, clientHeight: height } = element;
  const place = pointer ?? (isActive && pointed === null ? ([width / 2, height / 2] as const) : null);
  const [x, y] = place ?? [NaN, NaN];

  useEffect(() => {
    const onMove = ({ clientX, clientY }: PointerEvent) => {
      const { left, top } = element.getBoundingClientRect();
      setPointer([clientX - left, clientY - top]);
      point(viewId);
    };
    const onLeave = () => {
      setPointer(null);
      point(null);
    };
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerleave", onLeave);
    return () => {
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerleave", onLeave);
    };
  }, [element, viewId, point]);

  useEffect(() => {
    let frame = 0;
    const look = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        setSeen(nth === null || Number.isNaN(x) ? null : scene.spyglass.at(viewId, [x, y], nth, look));
      });
    };
    look();
    // Scrolled, zoomed or windowed, here or there.
    const end = views.subscribe(look);
    return () => {
      cancelAnimationFrame(frame);
      end();
    };
  }, [scene, views, viewId, nth, x, y]);

  if (!place || !seen) return null;
  const radius = Math.round(Math.min(radiusPx.most, Math.max(radiusPx.least, radiusShare * Math.min(width, height))));
  const of = t.spyglass.slice(nameOf(seen.series), seen.index + 1, seen.series.imageIds.length);
  const doubts = [seen.beyondMm === null ? "" : t.beyond(fixed(seen.beyondMm, 1)), seen.isShared ? "" : t.spyglass.aligned].filter(Boolean);
  return (
    <div
      aria-hidden="true"
      data-testid="spyglass"
      data-series={seen.series.seriesInstanceUid}
      data-slice={seen.index + 1}
      data-drawn={seen.picture !== null}
      className="pointer-events-none absolute z-10"
      style={{ left: x - radius, top: y - radius, width: 2 * radius }}
    >
      <Glass seen={seen} radius={radius} left={x - radius} top={y - radius} />
      <p className="mx-auto mt-1 w-max max-w-60 rounded bg-black/70 px-1.5 text-center text-xs" data-testid="spyglass-caption">
        {of}
        {doubts.map((doubt) => (
          <span key={doubt} className="block text-warn">
            {doubt}
          </span>
        ))}
      </p>
    </div>
  );
}

function Glass({ seen, radius, left, top }: { seen: GlassView; radius: number; left: number; top: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = typeof window === "undefined" ? 1 : window.devicePixelRatio;
  const side = Math.round(2 * radius * ratio);
  const paint = useCallback(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.resetTransform();
    context.fillStyle = "#000";
    context.fillRect(0, 0, side, side);
    if (!seen.picture) return;
    const [a, b, c, d, e, f] = seen.matrix;
    context.setTransform(ratio * a, ratio * b, ratio * c, ratio * d, ratio * (e - left), ratio * (f - top));
    context.drawImage(seen.picture, 0, 0);
  }, [seen, side, ratio, left, top]);
  useEffect(paint, [paint]);
  return (
    <canvas
      ref={canvas}
      data-testid="spyglass-image"
      width={side}
      height={side}
      className="block rounded-full ring-2 ring-accent"
      style={{ width: 2 * radius, height: 2 * radius }}
    />
  );
}
