/** What a refusal of the node means, by its code (docs/problems.md); in English as the node writes it. */
export const problems = {
  meanings: {} as Readonly<Record<string, string>>,
  inEnglish: "The node's own words",
};
