/** A glass through which another viewport's image is seen. */
export const spyglass = {
  name: "Spyglass",
  hint: "Spyglass: the prior or another series at the same place, at the pointer; again: the next one, then off",
  next: "Next in the spyglass, or off",
  slice: (what: string, n: number, of: number) => `${what}, ${n} / ${of}`,
  aligned: "Another frame of reference: aligned as the viewports are",
};
