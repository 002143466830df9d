/** For administrators: how a study is laid out when it is opened. */
export const hangingProtocols = {
  hangingWhat:
    "How a study is laid out when it is opened. The first matching protocol is used; without one, series are shown one at a time.",
  noHanging: "No protocols: every study opens in one viewport.",
  appliesTo: "Applies to",
  layout: "Rows × columns",
  shows: "Shows",
  anyStudy: "any study",
  linked: "scrolled together",
  stages: (names: string) => `then: ${names}`,
  prior: "earlier study:",
  hangingJson: "All protocols as JSON",
  undo: "Discard changes",
  shipped: "Restore defaults",
  savedHanging: "Saved. It applies to the next study that is opened.",
  noJson: "Not valid JSON",
  noJsonRemedy: "Correct the error, then save again.",
};
