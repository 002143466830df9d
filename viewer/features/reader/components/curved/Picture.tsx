"use client";

import { useEffect, useRef, type ReactNode } from "react";
import type { Lay } from "@/dicom/curves/lay";
import { curvedShades } from "@/dicom/curves/screen";
import type { Sampled } from "@/dicom/curves/reformat";
import type { EdgeLetters } from "@/dicom/geometry";

export interface ShownWindow {
  lower: number;
  upper: number;
  inverted: boolean;
}

const letter = "absolute rounded bg-ground/70 px-1 text-xs text-ink";

/** Samples in the shades of a window, as large as there is room for and true in both directions, with what lies over them in mm. */
export function Picture({
  sampled,
  runs,
  shown,
  letters,
  testId,
  children,
}: {
  sampled: Sampled;
  runs: Lay["runs"];
  shown: ShownWindow | null;
  letters: EdgeLetters;
  testId: string;
  /** SVG in mm from the upper left corner. */
  children?: ReactNode;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDown = runs === "down";
  const [columns, rows] = isDown ? [sampled.width, sampled.height] : [sampled.height, sampled.width];
  const [columnMm, rowMm] = isDown ? [sampled.acrossMm, sampled.downMm] : [sampled.downMm, sampled.acrossMm];
  const aspect = (columns * columnMm) / (rows * rowMm);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context && shown) context.putImageData(new ImageData(curvedShades(sampled, runs, shown), columns, rows), 0, 0);
  }, [sampled, runs, shown, columns, rows]);
  return (
    <div className="relative" style={{ aspectRatio: aspect, width: `min(100cqw, ${100 * aspect}cqh)` }} data-testid={`${testId}-frame`}>
      <canvas ref={canvas} width={columns} height={rows} data-testid={testId} data-column-mm={columnMm} data-row-mm={rowMm} className="h-full w-full" />
      <svg viewBox={`0 0 ${columns * columnMm} ${rows * rowMm}`} preserveAspectRatio="none" className="pointer-events-none absolute inset-0 size-full overflow-hidden" aria-hidden="true">
        {children}
      </svg>
      <span className={`${letter} top-1 left-1/2 -translate-x-1/2`}>{letters.top}</span>
      <span className={`${letter} bottom-1 left-1/2 -translate-x-1/2`}>{letters.bottom}</span>
      <span className={`${letter} top-1/2 left-1 -translate-y-1/2`}>{letters.left}</span>
      <span className={`${letter} top-1/2 right-1 -translate-y-1/2`}>{letters.right}</span>
    </div>
  );
}
