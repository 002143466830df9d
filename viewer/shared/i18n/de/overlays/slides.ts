import type { slides as english } from "@/shared/i18n/en/overlays/slides";

export const slides: typeof english = {
  slide: "Ganzer Objektträger",
  keys: "Ziehen verschiebt, Mausrad oder + und - vergrößert, r zeigt alles",
  magnified: (power) => `${power}×`,
  pixels: (n) => `${n} Bildschirmpixel für eines des Objektträgers`,
  hasMore: "Nur die erste Fokusebene und der erste Strahlengang werden gezeigt.",
  leftOut: (n) =>
    n === 1
      ? "Ein Bild dieser Serie wird nicht gezeigt: ein Etikett, ein anderer Teil des Objektträgers oder Kacheln ohne Ort."
      : `${n} Bilder dieser Serie werden nicht gezeigt: Etiketten, andere Teile des Objektträgers oder Kacheln ohne Ort.`,
  failed: (n) => (n === 1 ? "Eine Kachel konnte nicht geladen werden." : `${n} Kacheln konnten nicht geladen werden.`),
};
