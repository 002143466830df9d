"use client";

import { useCallback } from "react";
import type { Matrix } from "@/cornerstone";
import type { DoseLook, DosePicture } from "@/features/reader/hooks/dose/useDose";

/** The dose over a stack's image, or over a plane: bands of colour, and lines of equal dose. */
export function ViewDose({ picture, look, matrix }: { picture: DosePicture; look: Pick<DoseLook, "wash" | "lines" | "opacity">; matrix: Matrix }) {
  const { columns, rows, stride, wash } = picture;
  const paint = useCallback(
    (canvas: HTMLCanvasElement | null) => {
      canvas?.getContext("2d")?.putImageData(new ImageData(wash, columns, rows), 0, 0);
    },
    [wash, columns, rows],
  );
  const [a, b, c, d, e, f] = matrix;
  return (
    <div className="pointer-events-none absolute inset-0 overflow-hidden" aria-hidden="true" data-testid="dose">
      {look.wash && (
        <canvas
          ref={paint}
          data-testid="dose-wash"
          width={columns}
          height={rows}
          className="absolute top-0 left-0 max-w-none origin-top-left"
          style={{
            opacity: look.opacity,
            // A square of the lattice covers `stride` pixels of the image each way.
            transform: `matrix(${[a * stride, b * stride, c * stride, d * stride, e, f].join(",")})`,
          }}
        />
      )}
      {look.lines && (
        <svg className="absolute inset-0 h-full w-full overflow-hidden">
          <g transform={`matrix(${matrix.join(" ")})`}>
            {picture.lines.map(({ percent, color, path }) => (
              <path
                key={percent}
                data-testid="isodose"
                data-percent={percent}
                d={path}
                fill="none"
                stroke={color}
                strokeWidth={1.5}
                strokeLinecap="round"
                vectorEffect="non-scaling-stroke"
              />
            ))}
          </g>
        </svg>
      )}
    </div>
  );
}
