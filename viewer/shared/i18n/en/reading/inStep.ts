/** A second window for another monitor. */
export const inStep = {
  open: "Second window",
  hint: "Second window: opens this view again, for another monitor; windows of one patient show the same place",
  with: "What this window takes over from the others",
  modes: { position: "In step", window: "In step, with window", off: "On its own" },
};
/** The studies of a patient that another system asks for. */
export const ofPatient = {
  title: (n: number, id: string, issuer: string) =>
    `${n === 0 ? "No study has" : n === 1 ? "One study has" : `${n} studies have`} the patient ID ${id}${issuer && ` of ${issuer}`}.`,
  none: "The images may not have arrived yet, or you may have no access to them. Check the patient ID and its issuer.",
  severalPersons: "These studies state different names or birth dates under one patient ID. Check whose study you open.",
};
