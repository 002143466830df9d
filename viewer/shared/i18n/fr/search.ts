export const search = {
  title: "Rechercher dans les comptes rendus et les constatations",
  what: "Trouve les mots et ce qui a le même sens : « fluid around the lung » trouve un épanchement, « nodule > 8 mm » les plus grands.",
  hint: "Que cherchez-vous ?",
  kind: "Chercher dans",
  kinds: { all: "Tout", report: "Comptes rendus", finding: "Constatations" },
  kindOf: { report: "compte rendu", finding: "constatation" },
  searched: (found: number, of: number) => `${found} passages sur ${of}, le plus proche d’abord.`,
  waiting: (n: number) => `${n} autres ne sont pas encore indexés.`,
  nothing: "Il n’y a encore rien à chercher.",
  noneFound: "Aucun résultat.",
  status: {
    uncertain: "incertain",
    past: "dans le passé",
    other: "demandé, ou d’une autre personne",
    denied: "nié",
  },
  foundBy: { words: "mots identiques", meaning: "sens proche" },
  notes: {
    meaning_in_english_only:
      "La recherche par le sens lit l’anglais. Pour une question en allemand, elle trouve les mots exacts et les constatations connues.",
  },
  open: "Chercher dans les comptes rendus",
  openHint: "Chercher par le sens dans les comptes rendus et les constatations (s)",
};
