import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import { emptyViewport } from "@/features/admin/lib/hangingDraft";
import type { HangingProtocol, HangingProtocols } from "@/shared/api/types";

/** What an attribute is where a protocol does not say it: left out, so that the text stays short. */
const unsaid: Record<string, unknown> = {
  study: "current",
  required: true,
  linked: false,
  window: null,
  laterality: "",
  kind: "",
  each_image: false,
};

function isUnsaid(key: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0 && key !== "protocols";
  return key in unsaid && unsaid[key] === value;
}

/** The protocols as a person edits them. */
export function protocolsText(protocols: readonly HangingProtocol[]): string {
  const shorter = (key: string, value: unknown) => (key && isUnsaid(key, value) ? undefined : value);
  return JSON.stringify({ protocols }, shorter, 2);
}

const unsaidViewport = { ...emptyViewport, required: true };

function isObject(one: unknown): one is object {
  return typeof one === "object" && one !== null;
}

/** The same with what the text leaves out. */
function filled(written: unknown): HangingProtocols {
  const given = isObject(written) ? (written as Partial<HangingProtocols>).protocols : undefined;
  const isList = Array.isArray(given) && given.every((one) => isObject(one) && isObject(one.viewports));
  if (!isList) throw new TypeError(text().hangingProtocols.noList);
  const layout = (one: Partial<HangingProtocol>) => ({
    ...one,
    linked: one.linked ?? false,
    viewports: (one.viewports ?? []).map((viewport) => ({ ...unsaidViewport, ...viewport })),
  });
  return {
    protocols: given.map(
      (one) =>
        ({ modalities: [], body_parts: [], ...layout(one), stages: (one.stages ?? []).map(layout) }) as HangingProtocol,
    ),
  };
}

/** What a person wrote; what it means is checked by the node. Throws a Problem for what is no JSON. */
export function protocolsFrom(written: string): HangingProtocols {
  try {
    return filled(JSON.parse(written));
  } catch (error) {
    const { hangingProtocols } = text();
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(0, hangingProtocols.noJson, `${hangingProtocols.noJson}: ${why}`, hangingProtocols.noJsonRemedy, "no_json");
  }
}
