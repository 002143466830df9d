/** Slabs of a tomosynthesis. */
export const stackSlab = {
  hint: "Slices of the tomosynthesis, or the mean or maximum of several as one slab (M)",
  thinner: "Slab of one slice less (−)",
  thicker: "Slab of one slice more (+)",
  slices: (count: number) => `${count} slices`,
  drawn: (projection: string, mm: string, slices: string) => `${projection} ${mm} mm (${slices})`,
  place: (mm: string, allMm: string) => `${mm} of ${allMm} mm`,
};
