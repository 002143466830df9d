import type { Rgb } from "@/dicom/color";
import type { MarkPoint, Units } from "@/dicom/measurements/marks";
import type { DisplayedArea } from "@/dicom/display/presentation";

/** As SVG writes it: x' = a x + c y + e, y' = b x + d y + f. */
type Matrix = readonly [number, number, number, number, number, number];

/** Where points of an image, and of the area of it that is shown, lie on the screen. */
export interface Screen {
  at: (units: Units, point: MarkPoint) => MarkPoint;
  /** From shares of the displayed area to the screen. */
  display: Matrix;
}

function transformed([a, b, c, d, e, f]: Matrix, [x, y]: MarkPoint): MarkPoint {
  return [a * x + c * y + e, b * x + d * y + f];
}

/** The displayed area is upright on the screen however the image is turned (PS3.3 C.10.5.1.2). */
export function screenFrom(
  matrix: Matrix,
  { left, top, right, bottom }: Pick<DisplayedArea, "left" | "top" | "right" | "bottom">,
): Screen {
  const corners = [
    transformed(matrix, [left - 1, top - 1]),
    transformed(matrix, [right, bottom]),
  ];
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const display: Matrix = [Math.max(...xs) - x, 0, 0, Math.max(...ys) - y, x, y];
  return { display, at: (units, point) => transformed(units === "PIXEL" ? matrix : display, point) };
}

const yellow = "rgb(255 221 87)";

/** The layer's colour; one that is seen on dark and on bright where the layer names none. */
export function strokeOf(color: Rgb | null): string {
  return color ? `rgb(${color.join(" ")})` : yellow;
}
