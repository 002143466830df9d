import type { subtraction as english } from "@/shared/i18n/en/reading/subtraction";

export const subtraction: typeof english = {
  title: "Digitale Subtraktion",
  name: "DSA",
  hint: "Ein Maskenbild abziehen: das aus dem Header, sonst das erste",
  mask: "Maske",
  here: "Maske hier",
  hereHint: "Das gezeigte Bild wird zur Maske",
  shifts: { right: "Maske nach rechts verschieben, in Pixeln", down: "Maske nach unten verschieben, in Pixeln" },
  drawn: (mask, right, down) =>
    `Subtrahiert: Maske ${mask}${right === "0" && down === "0" ? "" : `, verschoben ${right} → ${down} ↓ px`}`,
};
