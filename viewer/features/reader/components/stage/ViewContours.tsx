import type { Matrix } from "@/cornerstone";
import type { DrawnContour } from "@/dicom/segmentation/structureSet";

/** Contours of structure sets over a stack's image, as outlines. */
export function ViewContours({ contours, matrix }: { contours: readonly DrawnContour[]; matrix: Matrix }) {
  if (contours.length === 0) return null;
  return (
    <svg
      className="pointer-events-none absolute inset-0 h-full w-full overflow-hidden"
      data-testid="image-contours"
      aria-hidden="true"
    >
      <g transform={`matrix(${matrix.join(" ")})`}>
        {contours.map(({ roi, points, isClosed }, index) => (
          <path
            key={index}
            data-testid="contour"
            data-roi={roi.name}
            d={points.length === 1 ? `M${points[0]?.join(" ")}h0` : `M${points.map((point) => point.join(" ")).join("L")}${isClosed ? "Z" : ""}`}
            fill="none"
            stroke={`rgb(${roi.color.join(" ")})`}
            strokeWidth={points.length === 1 ? 6 : 1.5}
            strokeLinecap="round"
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </g>
    </svg>
  );
}
