/** What other systems of the same person did (FHIRcast). */
export const fhircast = {
  opened: "This study was opened by another system.",
  absent: "Another system opened a study that is not on this node.",
  otherPatient: "Another system opened a study by its accession number. What has that number here is not known to be of the same patient, and stays closed.",
  back: "Back to the previous page",
  syncError: (stated: string) => `Not all systems show the same: ${stated}`,
};
