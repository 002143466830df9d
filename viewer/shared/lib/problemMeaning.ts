import { text } from "@/shared/i18n";
import type { Problem } from "@/shared/api/problem";

/** What a refusal of the node means, in the language of the page; null in English, and for a code that is not known here. */
export function meaningOf({ status, code }: Pick<Problem, "status" | "code">): string | null {
  const { meanings } = text().problems;
  return status !== 0 && Object.hasOwn(meanings, code) ? (meanings[code] ?? null) : null;
}
