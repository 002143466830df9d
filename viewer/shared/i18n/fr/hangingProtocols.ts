/** Hanging protocols as a file; the rest of the editor is in English. */
export const hangingProtocols = {
  exportFile: "Exporter dans un fichier",
  importFile: "Importer d’un fichier",
  fileTooLarge: "Le fichier est trop volumineux.",
  fileTooLargeRemedy: (most: number, size: number) => `Au plus ${most} Kio sont lus ; ce fichier en compte ${size}. Choisissez un fichier exporté ici.`,
  noProtocols: "Le fichier ne contient aucun protocole d’affichage.",
  noProtocolsRemedy: "« protocols » doit être une liste. Choisissez un fichier exporté ici.",
  noJson: "Ce n’est pas du JSON valide",
  noJsonRemedy: "Corrigez l’erreur, puis enregistrez à nouveau.",
};
