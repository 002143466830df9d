import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";

/** What a person wrote as JSON; what it means is checked by the node. Throws a Problem for what is no JSON. */
export function writtenJson(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch (error) {
    const { noJson, noJsonRemedy } = text().hangingProtocols;
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(0, noJson, `${noJson}: ${why}`, noJsonRemedy, "no_json");
  }
}
