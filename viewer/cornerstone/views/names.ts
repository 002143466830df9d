export const planes = ["axial", "sagittal", "coronal"] as const;
export type Plane = (typeof planes)[number];

/** The stacks of a layout, row by row; a layout has up to three rows of three. */
export const cells = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `cell-${number}` as const);
export type CellId = `cell-${number}`;
export type ViewId = CellId | Plane | "volume";
