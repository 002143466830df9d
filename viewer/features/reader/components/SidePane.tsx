"use client";

import { useRef, useState, type ReactNode } from "react";
import type { Pane } from "@/features/reader/hooks/usePanes";
import { useShownKey } from "@/features/reader/hooks/tools/useOwnKeys";
import { useText } from "@/shared/hooks/useText";

const stepPx = 16;

/** A panel beside the images: as wide as its reader likes, or closed to a strip; below the images on narrow screens. */
export function SidePane({
  pane,
  side,
  name,
  shortcut,
  strip,
  children,
}: {
  pane: Pane;
  side: "left" | "right";
  /** "Series", "Results". */
  name: string;
  shortcut: string;
  /** What has to be seen of a closed one, too. */
  strip?: ReactNode;
  children: ReactNode;
}) {
  const { viewing: t } = useText();
  const shown = useShownKey();
  const [dragged, setDragged] = useState<number | null>(null);
  const from = useRef<{ x: number; widthPx: number } | null>(null);
  const widthPx = dragged ?? pane.widthPx;
  const sign = side === "left" ? 1 : -1;
  const edge = side === "left" ? "border-r" : "border-l";
  const handle = (
    <div
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t.panes.widthOf(name)}
      aria-valuenow={widthPx}
      aria-valuemin={pane.leastPx}
      aria-valuemax={pane.mostPx}
      data-testid={`${side}-pane-handle`}
      title={t.panes.resizeHint}
      className={`absolute inset-y-0 z-10 w-2 cursor-col-resize touch-none hover:bg-accent/40 focus-visible:bg-accent/60 max-lg:hidden ${
        side === "left" ? "-right-1" : "-left-1"
      }`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        from.current = { x: event.clientX, widthPx: pane.widthPx };
      }}
      onPointerMove={(event) => {
        if (from.current) setDragged(pane.fitting(from.current.widthPx + sign * (event.clientX - from.current.x)));
      }}
      onPointerUp={() => {
        if (from.current && dragged !== null) pane.resize(dragged);
        from.current = null;
        setDragged(null);
      }}
      onPointerCancel={() => {
        from.current = null;
        setDragged(null);
      }}
      onDoubleClick={() => pane.resize(null)}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? -stepPx : event.key === "ArrowRight" ? stepPx : 0;
        if (by === 0) return;
        // The page's own arrows scroll images.
        event.preventDefault();
        event.stopPropagation();
        pane.resize(pane.fitting(pane.widthPx + sign * by));
      }}
    />
  );
  const inward = side === "left" ? "«" : "»";
  const outward = side === "left" ? "»" : "«";
  return (
    <div
      data-testid={`${side}-pane`}
      data-open={pane.isOpen}
      data-tour={side === "left" ? "series" : "results"}
      className={`relative flex min-h-0 shrink-0 flex-col border-line bg-panel max-lg:w-full! max-lg:border-0 ${edge}`}
      style={{ width: pane.isOpen ? widthPx : 44 }}
    >
      <div className={`flex shrink-0 border-b border-line max-lg:hidden ${side === "left" ? "justify-end" : "justify-start"} ${pane.isOpen ? "px-1" : "justify-center!"}`}>
        <button
          type="button"
          data-testid={`${side}-pane-toggle`}
          className="rounded px-2 py-0.5 text-dim hover:text-ink"
          aria-expanded={pane.isOpen}
          aria-label={pane.isOpen ? t.panes.close(name) : t.panes.open(name)}
          title={`${pane.isOpen ? t.panes.close(name) : t.panes.open(name)} (${shown(shortcut)})`}
          onClick={pane.toggle}
        >
          <span aria-hidden="true">{pane.isOpen ? inward : outward}</span>
        </button>
      </div>
      {/* Stays while it is closed: what is being written in it must not be lost. */}
      <div className={`flex min-h-0 flex-1 flex-col ${pane.isOpen ? "" : "lg:hidden"}`}>{children}</div>
      {!pane.isOpen && <div className="flex min-h-0 flex-1 flex-col items-center gap-3 overflow-hidden py-2 max-lg:hidden">{strip}</div>}
      {pane.isOpen && handle}
    </div>
  );
}
