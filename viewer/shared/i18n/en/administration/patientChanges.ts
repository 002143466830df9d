/** For administrators: corrected, merged, linked and moved patients. */
export const patientChanges = {
  what: "What HL7 messages and administrators stated of patients: corrections, merges, links and moved studies. Undoing a change leaves the others in force, and the stored images as they came.",
  kinds: { demographics: "Correction", merge: "Merge", move: "Move of a study", link: "Link" },
  change: "Change",
  by: "By",
  reason: "Reason",
  patient: "Patient",
  none: "No changes.",
  corrected: (patient: string) => `${patient} corrected`,
  merged: (from: string, into: string) => `${from} merged into ${into}`,
  linked: (one: string, other: string) => `${one} linked with ${other}`,
  moved: (patient: string) => `Study moved to ${patient}`,
  issuedBy: (id: string, issuer: string) => `${id} of ${issuer}`,
  undo: "Undo",
  unlink: "Unlink",
  undone: (who: string) => `undone by ${who}`,
  link: "Link two IDs",
  linkWhat: "They count as one patient for priors, trends and search. Both stay in use.",
  linkedNow: (studies: number) =>
    studies === 0
      ? "Linked."
      : studies === 1
        ? "Linked. 1 study now counts for the other ID, too."
        : `Linked. ${studies} studies now count for the other ID, too.`,
  id: "Patient ID",
  issuer: "Issued by",
  otherId: "Other patient ID",
  otherIssuer: "Issued by (other ID)",
  find: "Look up in the hospital's register",
  findWhat: "By patient ID, family name or date of birth (IHE PDQ).",
  search: "Look up",
  family: "Family name",
  given: "Given name",
  nobody: "Nobody found.",
  ids: "IDs",
};
