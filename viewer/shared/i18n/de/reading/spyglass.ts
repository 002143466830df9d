import type { spyglass as english } from "@/shared/i18n/en/reading/spyglass";

export const spyglass: typeof english = {
  name: "Lupe auf die Voraufnahme",
  hint: "Lupe: Voraufnahme oder andere Serie an derselben Stelle, beim Mauszeiger; nochmals: die nächste, dann aus",
  next: "Nächste in der Lupe, oder aus",
  slice: (what, n, of) => `${what}, ${n} / ${of}`,
  aligned: "Anderes Bezugssystem: ausgerichtet wie die Ansichten",
};
