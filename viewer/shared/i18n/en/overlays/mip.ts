const sides: Partial<Record<number, string>> = { 0: "from the front", 1: "from the left", 2: "from behind", 3: "from the right" };

/** The projection of activity that turns. */
export const mip = {
  title: "MIP",
  name: "Maximum projection: arrow keys turn it",
  from: (degrees: number) => `${degrees}°, ${sides[degrees / 90] ?? "oblique"}`,
  turn: "Rotate",
};
