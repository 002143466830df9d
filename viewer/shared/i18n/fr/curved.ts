/** Curved MPR: what lies along a curve through a volume, straightened. */
import type { Messages } from "@/shared/i18n/messages";

export const curved: Messages["viewing"]["curved"] = {
  title: "MPR curviligne",
  hint: "MPR curviligne : placez des points le long d’un vaisseau, du rachis ou d’une arcade dentaire pour le voir déroulé",
  controls: "Courbe",
  place: "Placer des points",
  placeTitle: "Un clic dans un plan ajoute un point à la fin, ou entre deux points s’il est sur la courbe ; les points peuvent être déplacés (Échap pour terminer)",
  here: "Point ici",
  hereTitle: "Ajoute un point à l’intersection des plans",
  placeHint: (n) =>
    n === 0
      ? "Cliquez dans les plans pour placer des points le long de la courbe, ou allez-y et choisissez « Point ici »."
      : "Encore un point, et la courbe est tracée.",
  notPossible: "Cette série n’a pas une valeur unique à chaque endroit : elle ne peut pas être affichée le long d’une courbe.",
  noSlab: "Sans épaisseur",
  slabTitle: "Épaisseur de la coupe devant et derrière l’image",
  width: "Largeur",
  turned: "Rotation",
  mark: "Mesurer à partir d’ici",
  markTitle: "Mesure le long de la courbe, d’ici au curseur",
  pictureName: "Courbe déroulée : haut et bas pour la parcourir, gauche et droite pour la tourner",
  at: (mm, of, degrees) => `${mm} sur ${of} mm, rotation de ${degrees}°`,
  atMm: (mm) => `à ${mm} mm`,
  crossSection: "Coupe transversale",
  length: (mm) => `Longueur de la courbe : ${mm} mm`,
  cursor: (mm) => `curseur à ${mm} mm`,
  fromMark: (mm) => `à ${mm} mm du repère`,
  trueLengths: "Longueurs exactes le long de la courbe et perpendiculairement à elle. Les angles, les surfaces et les lignes obliques sont déformés et ne peuvent pas être mesurés ici.",
  points: (n) => (n === 1 ? "1 point" : `${n} points`),
  point: (n) => `Point ${n}`,
  goTitle: "Affiche ce point dans les plans",
  moveHere: (n) => `Déplacer le point ${n} à l’intersection des plans`,
  remove: (n) => `Supprimer le point ${n}`,
  clear: "Supprimer tous les points",
};
