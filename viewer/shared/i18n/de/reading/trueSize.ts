import type { trueSize as english } from "@/shared/i18n/en/reading/trueSize";

export const trueSize: typeof english = {
  name: "Originalgröße",
  hint: "Originalgröße: auf dem Bildschirm so groß wie am Körper, in allen Ansichten; nochmals: eingepasst",
  noSize: "Für die Originalgröße muss das Bild angeben, wie groß es ist",
  shown: "Originalgröße",
  again: "Bildschirm ausmessen…",
  title: "Bildschirm ausmessen",
  card: (width, height) =>
    `Legen Sie eine Bankkarte (${width} × ${height} mm) auf den Rahmen und stellen Sie ihn so breit ein wie die Karte. Die Pfeiltasten ändern die Breite um ein Pixel.`,
  width: "Breite des Rahmens",
  pixels: (n) => `${n} Pixel`,
  ruler: "Oder messen Sie die Breite des Rahmens mit einem Lineal, in mm (leer: wie die Karte)",
  keptHere: "Wird in diesem Browser gespeichert, je Bildschirm nach seiner Auflösung. Zwei Bildschirme gleicher Auflösung gelten als gleich: Messen Sie nach einem Wechsel neu aus.",
  implausible: "Kein Bildschirm hat Pixel dieser Größe. Prüfen Sie die Breite.",
};
