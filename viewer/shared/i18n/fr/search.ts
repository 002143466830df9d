export const search = {
  title: "Rechercher dans les comptes rendus et les constatations",
  what: "Recherche par le sens, et non par les mots exacts : « liquide autour du poumon » trouve un épanchement.",
  hint: "Que cherchez-vous ?",
  kind: "Chercher dans",
  kinds: { all: "Tout", report: "Comptes rendus", finding: "Constatations" },
  kindOf: { report: "compte rendu", finding: "constatation" },
  searched: (found: number, of: number) => `${found} passages sur ${of}, le plus proche d’abord.`,
  waiting: (n: number) => `${n} autres ne sont pas encore indexés.`,
  nothing: "Il n’y a encore rien à chercher.",
  open: "Chercher dans les comptes rendus",
  openHint: "Chercher par le sens dans les comptes rendus et les constatations (s)",
};
