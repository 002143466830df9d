export const search = {
  title: "Search reports and findings",
  what: "Finds words and what means the same: “fluid around the lung” finds an effusion, “nodule > 8 mm” the larger ones.",
  hint: "What are you looking for?",
  kind: "Search in",
  kinds: { all: "All", report: "Reports", finding: "Findings" },
  kindOf: { report: "report", finding: "finding" },
  searched: (found: number, of: number) => `${found} of ${of} passages, best match first.`,
  waiting: (n: number) => `${n} more are not indexed yet.`,
  nothing: "There is nothing to search yet.",
  noneFound: "Nothing found.",
  status: {
    uncertain: "uncertain",
    past: "in the past",
    other: "asked about, or of another person",
    denied: "denied",
  },
  foundBy: { words: "words match", meaning: "similar meaning" },
  notes: {
    meaning_in_english_only:
      "The search by meaning reads English. For German questions, it finds exact words and known findings.",
  },
  open: "Search reports",
  openHint: "Search reports and findings by meaning (s)",
};
