/** What is drawn of a heat map over its image, in the grid that the model was shown. */
import type { Finding } from "@/shared/api/types";

export type HeatMap = NonNullable<Finding["heat_map"]>;

export interface HeatPicture {
  /** Parts of about one value each: the higher it is, the less of the image shows through. */
  bands: readonly { share: number; path: string }[];
  /** Around the parts that count for half as much as the most, or more. */
  outline: string;
  most: number;
  least: number;
  /** From the grid to pixels of the image, as in an SVG. */
  transform: string;
}

/** So many shades that two beside each other look alike. */
const shades = 64;
const outlined = 0.5;

/** What lowers the probability is drawn; what raises it when hidden, and what does nothing, stays clear. */
export function heatPicture({ values, row_edges: rows, column_edges: columns, image_from_grid: matrix }: HeatMap): HeatPicture {
  const all = values.flat();
  const most = all.reduce((one, other) => Math.max(one, other), 0);
  const least = all.reduce((one, other) => Math.min(one, other), 0);
  const paths = new Map<number, string>();
  const shadeOf = (row: number, column: number) => {
    const value = values[row]?.[column] ?? 0;
    return most > 0 && value > 0 ? Math.round((value / most) * shades) : 0;
  };
  values.forEach((line, row) => {
    for (let column = 0; column < line.length; ) {
      const shade = shadeOf(row, column);
      const from = column;
      // Parts beside each other of one shade are one rectangle.
      while (column < line.length && shadeOf(row, column) === shade) column += 1;
      if (shade === 0) continue;
      const rectangle = `M${columns[from]} ${rows[row]}H${columns[column]}V${rows[row + 1]}H${columns[from]}Z`;
      paths.set(shade, (paths.get(shade) ?? "") + rectangle);
    }
  });
  const bands = [...paths].map(([shade, path]) => ({ share: shade / shades, path })).sort((one, other) => one.share - other.share);
  return { bands, outline: most > 0 ? outlineOf(values, rows, columns, most * outlined) : "", most, least, transform: `matrix(${matrix.join(" ")})` };
}

/** The borders between parts of a value or more and others. */
function outlineOf(values: readonly number[][], rows: readonly number[], columns: readonly number[], from: number): string {
  const isIn = (row: number, column: number) => (values[row]?.[column] ?? -Infinity) >= from;
  const parts: string[] = [];
  values.forEach((line, row) => {
    for (let column = 0; column < line.length; column += 1) {
      if (!isIn(row, column)) continue;
      const [left, right, top, bottom] = [columns[column], columns[column + 1], rows[row], rows[row + 1]];
      if (!isIn(row - 1, column)) parts.push(`M${left} ${top}H${right}`);
      if (!isIn(row + 1, column)) parts.push(`M${left} ${bottom}H${right}`);
      if (!isIn(row, column - 1)) parts.push(`M${left} ${top}V${bottom}`);
      if (!isIn(row, column + 1)) parts.push(`M${right} ${top}V${bottom}`);
    }
  });
  return parts.join("");
}
