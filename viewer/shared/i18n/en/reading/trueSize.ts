/** Images as large as the patient, and the screen that has to be measured for it. */
export const trueSize = {
  name: "True size",
  hint: "True size: as large on the screen as in the patient, in all viewports; again: as they fit",
  noSize: "True size needs an image that states how large it is",
  shown: "True size",
  again: "Measure this screen…",
  title: "Measure this screen",
  card: (width: string, height: string) =>
    `Lay a bank card (${width} × ${height} mm) on the frame and make the frame as wide as the card. The arrow keys move it by one pixel.`,
  width: "Width of the frame",
  pixels: (n: number) => `${n} pixels`,
  ruler: "Or measure the frame’s width by a ruler, in mm (empty: it is a card)",
  keptHere: "Stored in this browser, for each screen by its resolution. Two screens of the same resolution are taken for alike: measure again after moving to another one.",
  implausible: "No screen has pixels of that size. Check the width.",
};
