/** Planes through a volume: how thick, how they are turned, and where they lie. */
export const reformats = {
  slab: "Slab",
  projection: "Projection",
  projections: { slice: "Slices", max: "Maximum (MIP)", min: "Minimum (MinIP)", mean: "Mean" },
  /** Before a value that a slab shows. */
  projectedValues: { max: "max", min: "min", mean: "mean" },
  thickness: "Thickness in millimetres",
  projectionHint: "Slices, maximum, minimum or mean of a slab (M)",
  thicknessHint: "Thickness of the slab (+ and −)",
  turnPlanes: "Turn the planes",
  turnPlanesLeft: "Turn the planes left",
  turnPlanesRight: "Turn the planes right",
  turnPlanesLeftHint: "Turn the other planes left by 5° ( ( ); or drag the ends of the crosshairs (c)",
  turnPlanesRightHint: "Turn the other planes right by 5° ( ) ); or drag the ends of the crosshairs (c)",
  straighten: "Straight",
  straightenHint: "Axial, sagittal and coronal planes again, through the same place",
  placeOfPlane: (letters: string, mm: string) => `${letters} ${mm} mm`,
  tilted: (degrees: string) => `turned by ${degrees}°`,
  slabOf: (projection: string, mm: string) => `${projection} ${mm} mm`,
  acrossImages: "across the images: not saved",
};
