export const text = {
  title: "Texts",
  what: "A text of your own, in short or without the names and numbers of people. The node deletes it with its answer, after a day unless the site sets otherwise.",
  text: "Text",
  hint: "Put a letter or a report here.",
  summarize: "Summarise",
  takeOut: "Take out names and numbers",
  keepDates: "leave dates in",
  working: "The node is reading the text…",
  takenOut: (n: number) => (n === 1 ? "One place was taken out." : `${n} places were taken out.`),
  lookFirst: "Read the text before it leaves the house: what no rule knows is still in it.",
  open: "Texts",
  openHint: "Summarise a text, or take names and numbers out of it",
};
