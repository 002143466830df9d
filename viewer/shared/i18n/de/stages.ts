import type { Messages } from "@/shared/i18n/messages";

/** What a job is doing (storage/jobs/stages.py). */
export const stages: Messages["reasons"]["stages"] = {
  "": "Wird begonnen.",
  loading: "Die Instanzen werden gelesen.",
  assembling: "Das Volumen wird aufgebaut.",
  running: "Das Modell läuft.",
  load_model: "Das Modell wird geladen.",
  preprocess: "Die Bilder werden vorbereitet.",
  find_field: "Der belichtete Bereich wird gesucht.",
  find_brain: "Das Gehirn wird gesucht.",
  segment: "Es wird segmentiert.",
  detect: "Befunde werden gesucht.",
  postprocess: "Das Ergebnis wird bereinigt.",
  container: "Der Container des Modells läuft.",
  clean_up: "Die Maske wird bereinigt.",
  classify: "Es wird klassifiziert.",
  registering: "Die Serien werden aufeinander registriert.",
  comparing_lesions: "Läsionen werden mit der Voruntersuchung verglichen.",
  measure: "Es wird gemessen.",
  encoding: "Die Ergebnisse werden als DICOM geschrieben.",
  storing: "Die Ergebnisse werden gespeichert.",
};
