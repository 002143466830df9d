/** For administrators: ordering a procedure. */
export const orders = {
  addOrder: "Order a procedure",
  patientName: "Patient name (Family^Given)",
  birthDate: "Date of birth",
  sex: "Sex",
  sexes: { U: "unknown", F: "female", M: "male", O: "other" },
  modality: "Modality (CT, MR, …)",
  station: "Station AE title",
  startDate: "Scheduled date",
  startTime: "Time",
};
