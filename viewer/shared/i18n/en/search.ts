export const search = {
  title: "Search reports and findings",
  what: "By what is meant, not by the letters: “fluid around the lung” finds an effusion.",
  hint: "What do you look for?",
  kind: "What is searched",
  kinds: { all: "All", report: "Reports", finding: "Findings" },
  kindOf: { report: "report", finding: "finding" },
  searched: (found: number, of: number) => `${found} found among ${of} passages, the nearest first.`,
  waiting: (n: number) => `${n} more are not searchable yet.`,
  nothing: "Nothing is written here yet that could be found.",
  open: "Search reports",
  openHint: "Search reports and findings by meaning (s)",
};
