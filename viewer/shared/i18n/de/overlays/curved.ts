import type { curved as english } from "@/shared/i18n/en/overlays/curved";

export const curved: typeof english = {
  title: "Gekrümmte MPR",
  hint: "Gekrümmte MPR: Punkte entlang eines Gefäßes, der Wirbelsäule oder des Zahnbogens setzen und sie gestreckt sehen",
  controls: "Kurve",
  place: "Punkte setzen",
  placeTitle: "Ein Klick in eine Ebene fügt am Ende einen Punkt an, auf der Kurve zwischen zwei Punkten; Punkte lassen sich ziehen (Esc beendet es)",
  here: "Punkt hier",
  hereTitle: "Fügt einen Punkt an, wo sich die Ebenen schneiden",
  placeHint: (n) =>
    n === 0
      ? "Klicken Sie in die Ebenen, um Punkte entlang der Kurve zu setzen, oder gehen Sie dorthin und drücken Sie „Punkt hier“."
      : "Ein weiterer Punkt ergibt eine Kurve.",
  notPossible: "Diese Serie hat nicht an jeder Stelle genau einen Wert und lässt sich nicht entlang einer Kurve zeigen.",
  noSlab: "Kein Schichtpaket",
  slabTitle: "Dicke des Schichtpakets vor und hinter dem Bild",
  width: "Breite",
  turned: "Gedreht",
  mark: "Ab hier messen",
  markTitle: "Misst entlang der Kurve von hier bis zum Cursor",
  pictureName: "Gestreckte Kurve: auf und ab gehen an ihr entlang, links und rechts drehen sie",
  at: (mm, of, degrees) => `${mm} von ${of} mm, um ${degrees}° gedreht`,
  atMm: (mm) => `bei ${mm} mm`,
  crossSection: "Querschnitt",
  length: (mm) => `Länge der Kurve ${mm} mm`,
  cursor: (mm) => `Cursor bei ${mm} mm`,
  fromMark: (mm) => `${mm} mm ab der Marke`,
  trueLengths: "Längentreu entlang der Kurve und quer zu ihr. Winkel, Flächen und schräge Strecken sind verzerrt und lassen sich hier nicht messen.",
  points: (n) => (n === 1 ? "1 Punkt" : `${n} Punkte`),
  point: (n) => `Punkt ${n}`,
  goTitle: "Zeigt diesen Punkt in den Ebenen",
  moveHere: (n) => `Punkt ${n} dorthin verschieben, wo sich die Ebenen schneiden`,
  remove: (n) => `Punkt ${n} entfernen`,
  clear: "Alle Punkte entfernen",
};
