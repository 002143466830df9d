export const projections = ["slice", "max", "min", "mean"] as const;
export type Projection = (typeof projections)[number];

/** How thick the planes are, and what is shown of what lies within. */
export interface Slab {
  projection: Projection;
  /** From face to face; without meaning for slices. */
  thicknessMm: number;
}

export const openingSlab: Slab = { projection: "slice", thicknessMm: 10 };
