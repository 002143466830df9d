/** Hanging protocols as a file of JSON: taken to another node or person, and read again. */
import { Problem } from "@/shared/api/problem";
import type { HangingProtocol } from "@/shared/api/types";
import { text } from "@/shared/i18n";
import { saveFile } from "@/shared/lib/saveFile";
import { writtenJson } from "@/shared/lib/writtenJson";

/** As the node bounds its own file. */
export const mostBytes = 256 * 1024;

export function saveProtocols(protocols: readonly HangingProtocol[]): void {
  saveFile(new Blob([JSON.stringify({ protocols }, null, 2)], { type: "application/json" }), "hanging-protocols.json");
}

/** The protocols of a file. What they mean is checked by the node, which names each mistake; throws a Problem for what holds none. */
export async function readProtocols(file: Blob): Promise<HangingProtocol[]> {
  const { fileTooLarge, fileTooLargeRemedy, noProtocols, noProtocolsRemedy } = text().hangingProtocols;
  if (file.size > mostBytes) {
    throw new Problem(0, fileTooLarge, fileTooLarge, fileTooLargeRemedy(mostBytes / 1024, Math.ceil(file.size / 1024)), "too_large");
  }
  const written = writtenJson(await file.text());
  const found = typeof written === "object" && written !== null && "protocols" in written ? written.protocols : null;
  if (!Array.isArray(found)) throw new Problem(0, noProtocols, noProtocols, noProtocolsRemedy, "no_protocols");
  return found as HangingProtocol[];
}
