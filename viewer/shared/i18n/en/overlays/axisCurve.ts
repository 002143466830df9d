/** Curves at a point of a series with several images of each place. */
export const axisCurve = {
  title: "Curve at a point",
  pick: "Click points",
  inMiddle: "At the middle of the image",
  clear: "Remove the curves",
  hint: (most: number) => `Click on the image. With Shift the curves before stay, ${most} at most.`,
  point: (n: number, column: number, row: number, place: number) => `Point ${n}: column ${column}, row ${row}, place ${place}`,
  value: "Value",
  noValues: "These images have no single value at a pixel (colour).",
  csvHint: "Download the curves as a table (CSV)",
  source: (keyword: string) =>
    keyword === ""
      ? "The headers only count these images; they state no times or values."
      : keyword === "AcquisitionTime"
        ? "Since the first image, by Acquisition Time of the headers."
        : `By ${keyword} of the headers.`,
  columns: [
    "Point",
    "Place",
    "Column",
    "Row",
    "Step",
    "Axis",
    "At",
    "Unit of the axis",
    "Stated by",
    "Value",
    "Quantity",
    "Unit (UCUM)",
    "SOP Instance UID",
  ],
};
