import type { Messages } from "@/shared/i18n/messages";

/** What a job is doing (storage/jobs/stages.py). */
export const stages: Messages["reasons"]["stages"] = {
  "": "Démarrage.",
  loading: "Lecture des instances.",
  assembling: "Construction du volume.",
  running: "Exécution du modèle.",
  load_model: "Chargement du modèle.",
  preprocess: "Préparation des images.",
  find_field: "Recherche du champ exposé.",
  find_brain: "Recherche du cerveau.",
  segment: "Segmentation.",
  detect: "Détection.",
  postprocess: "Nettoyage du résultat.",
  container: "Exécution du conteneur du modèle.",
  clean_up: "Nettoyage du masque.",
  classify: "Classification.",
  registering: "Recalage des séries entre elles.",
  comparing_lesions: "Comparaison des lésions avec l’examen antérieur.",
  measure: "Mesure.",
  encoding: "Écriture des résultats en DICOM.",
  storing: "Enregistrement des résultats.",
};
