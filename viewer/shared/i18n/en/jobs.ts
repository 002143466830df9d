/** For administrators: all analyses. */
export const jobs = {
  jobsWhat: "All analyses of studies and single images, newest first.",
  why: "Details",
  picture: "Single image",
  labels: "Labels",
  deletePicture: "Delete image",
};
