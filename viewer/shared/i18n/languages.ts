/**
 * The languages of the pages, as data: what one is called in itself, the locale of its numbers, how it
 * writes the date 2024-01-31. Another one takes an entry here and a folder of texts beside (docs/development.md).
 */
export const traits = {
  // Dates that nobody misreads.
  en: { name: "English", locale: "en-US", date: (iso: string) => iso },
  de: { name: "Deutsch", locale: "de-DE", date: (iso: string) => iso.split("-").reverse().join(".") },
  fr: { name: "Français", locale: "fr-FR", date: (iso: string) => iso.split("-").reverse().join("/") },
} as const;

export type Language = keyof typeof traits;

export const languages = Object.keys(traits) as readonly Language[];

/** Those in which the node itself writes: reports, and messages to people. */
export const nodeLanguages = ["en", "de"] as const satisfies readonly Language[];
