/** Whole slides. */
export const slides = {
  slide: "Whole slide",
  keys: "Drag to move, wheel or + and - to zoom, r for all of it",
  magnified: (power: string) => `${power}×`,
  pixels: (n: string) => `${n} screen pixels for one of the slide`,
  hasMore: "Only the first focal plane and the first optical path are shown.",
  leftOut: (n: number) =>
    n === 1
      ? "One image of this series is not shown: a label, another part of the slide, or tiles without a place."
      : `${n} images of this series are not shown: labels, other parts of the slide, or tiles without a place.`,
  failed: (n: number) => (n === 1 ? "One tile could not be loaded." : `${n} tiles could not be loaded.`),
};
