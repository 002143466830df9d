/** For administrators: stored studies, announced instances and conflicts. */
export const storedStudies = {
  file: "File (DICOM)",
  studiesWhat:
    "Stored studies. A series is complete when nothing has arrived for a while, when all announced instances are there, or when you mark it complete. Deleting a study or series also deletes everything derived from it.",
  findStudy: "Name, patient ID, accession number, description",
  stored: "Stored",
  series: "Series",
  completeNow: "Mark complete",
  deleteStudy: "Delete study",
  deleteSeries: "Delete series",
  arrived: "Arrived",
  announced: "Announced",
  here: "entered here",
  withdraw: "Withdraw",
  expectedCount: "Expected instances",
  announce: "Announce",
  of: "Study",
};
