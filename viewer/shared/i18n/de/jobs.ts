import type { Messages } from "@/shared/i18n/messages";

export const jobs: Messages["jobs"] = {
  jobsWhat: "Alle Analysen von Studien und einzelnen Bildern, die neuesten zuerst.",
  why: "Einzelheiten",
  picture: "Einzelnes Bild",
  labels: "Beschriftungen",
  deletePicture: "Bild löschen",
};
