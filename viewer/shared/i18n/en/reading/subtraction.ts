/** Digital subtraction of angiographies. */
export const subtraction = {
  title: "Digital subtraction",
  name: "DSA",
  hint: "Subtract a mask frame: that of the header, else the first",
  mask: "Mask",
  here: "Mask here",
  hereHint: "The frame on the screen becomes the mask",
  shifts: { right: "Move the mask to the right, in pixels", down: "Move the mask down, in pixels" },
  drawn: (mask: string, right: string, down: string) =>
    `Subtracted: mask ${mask}${right === "0" && down === "0" ? "" : `, moved ${right} → ${down} ↓ px`}`,
};
