export const search = {
  title: "Search reports and findings",
  what: "Searches by meaning, not exact words: “fluid around the lung” finds an effusion.",
  hint: "What are you looking for?",
  kind: "Search in",
  kinds: { all: "All", report: "Reports", finding: "Findings" },
  kindOf: { report: "report", finding: "finding" },
  searched: (found: number, of: number) => `${found} of ${of} passages, best match first.`,
  waiting: (n: number) => `${n} more are not indexed yet.`,
  nothing: "There is nothing to search yet.",
  open: "Search reports",
  openHint: "Search reports and findings by meaning (s)",
};
