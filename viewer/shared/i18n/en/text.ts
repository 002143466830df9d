export const text = {
  title: "Texts",
  what: "Summarise a text, or remove names and identifiers from it. Text and answer are deleted after a day unless the site sets another time.",
  text: "Text",
  hint: "Paste text here.",
  summarize: "Summarise",
  takeOut: "Remove names and identifiers",
  keepDates: "keep dates",
  working: "Processing the text…",
  takenOut: (n: number) => (n === 1 ? "One passage was removed." : `${n} passages were removed.`),
  lookFirst: "Read the text before sharing it: identifiers that no rule recognises are still in it.",
  open: "Texts",
  openHint: "Summarise a text, or remove names and identifiers from it",
};
