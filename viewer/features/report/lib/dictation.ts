import { localeOf } from "@/shared/i18n/language";
import { languages } from "@/shared/i18n/language";

/** As the site allows it: not at all, where the browser recognises speech on this computer, or by any service of the browser. */
export type DictationMode = "off" | "device" | "browser";

/** What is used of the Web Speech API, which TypeScript does not describe. */
export interface Recognition {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  processLocally?: boolean;
  onresult: ((event: RecognitionEvent) => void) | null;
  onerror: ((event: { error: string }) => void) | null;
  onend: (() => void) | null;
  start: () => void;
  stop: () => void;
  abort: () => void;
}

export interface RecognitionEvent {
  resultIndex: number;
  results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }>;
}

export interface RecognitionClass {
  new (): Recognition;
  prototype: object;
  available?: (options: { langs: string[]; processLocally: boolean }) => Promise<string>;
}

/** The browser's, where it has one. */
export function recognitionOf(page: object): RecognitionClass | null {
  const { SpeechRecognition, webkitSpeechRecognition } = page as Partial<Record<string, RecognitionClass>>;
  return SpeechRecognition ?? webkitSpeechRecognition ?? null;
}

/** The tag by which speech in a report's language is recognised; of others the language itself. */
export function speechTag(reportLanguage: string): string {
  const known = languages.find((one) => one === reportLanguage);
  return known ? localeOf(known) : reportLanguage || "en-US";
}

/** Whether speech in this language can be dictated here, under the site's setting. */
export async function canDictate(kind: RecognitionClass | null, mode: DictationMode, tag: string): Promise<boolean> {
  if (mode === "off" || !kind) return false;
  if (mode === "browser") return true;
  // A browser that cannot be kept from sending the speech away would send it.
  if (!("processLocally" in kind.prototype) || !kind.available) return false;
  return (await kind.available({ langs: [tag], processLocally: true })) === "available";
}

/** What was recognised since the last time: finished, and still being guessed at. */
export function transcripts({ resultIndex, results }: RecognitionEvent): { final: string; interim: string } {
  const found = { final: "", interim: "" };
  for (let index = resultIndex; index < results.length; index += 1) {
    const result = results[index];
    found[result?.isFinal ? "final" : "interim"] += result?.[0]?.transcript ?? "";
  }
  return { final: found.final.trim(), interim: found.interim.trim() };
}

/** A text with what was dictated at the cursor: apart from the words around it, and a sentence begun in capitals. */
export function withDictated(text: string, cursor: number, dictated: string): { text: string; cursor: number } {
  const [before, after] = [text.slice(0, cursor), text.slice(cursor)];
  const begins = /(^|[.!?]\s*|\n\s*)$/.test(before);
  const words = begins ? dictated.charAt(0).toLocaleUpperCase() + dictated.slice(1) : dictated;
  const isApart = before === "" || /\s$/.test(before) || /^[.,;:!?]/.test(words);
  const put = `${before}${isApart ? "" : " "}${words}`;
  const gap = after === "" || /^[\s.,;:!?]/.test(after) ? "" : " ";
  return { text: put + gap + after, cursor: put.length };
}
