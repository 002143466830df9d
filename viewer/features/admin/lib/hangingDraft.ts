/** Hanging protocols as they are edited: what a change of one does to the others and to their viewports. */
import type { HangingProtocol } from "@/shared/api/types";

export type HangingViewport = HangingProtocol["viewports"][number];
/** The first layout of a protocol is the protocol itself. */
export type HangingLayout = Pick<HangingProtocol, "name" | "rows" | "columns" | "linked" | "fused" | "viewports">;

export const emptyViewport: HangingViewport = {
  study: "current",
  modalities: [],
  description_contains: [],
  description_lacks: [],
  laterality: "",
  views: [],
  role: "",
  kind: "",
  each_image: false,
  window: null,
  required: false,
};

export function newProtocol(name: string): HangingProtocol {
  const viewports = [{ ...emptyViewport, required: true }];
  return { name, modalities: [], body_parts: [], rows: 1, columns: 1, linked: false, fused: false, viewports, stages: [] };
}

/** "CT, MR" as the words that it names, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split(",").map((word) => word.trim()).filter(Boolean))];
}

/** Another number of rows and columns: a viewport for each place, in their order; what had one before keeps it. */
export function withGridOf<Layout extends HangingLayout>(layout: Layout, rows: number, columns: number): Layout {
  const viewports = Array.from({ length: rows * columns }, (_, place) => layout.viewports[place] ?? emptyViewport);
  return { ...layout, rows, columns, fused: layout.fused && viewports.length === 2, viewports };
}

export function withViewport<Layout extends HangingLayout>(layout: Layout, place: number, change: Partial<HangingViewport>): Layout {
  const viewports = layout.viewports.map((one, index) => (index === place ? { ...one, ...change } : one));
  return { ...layout, viewports };
}

/** The layouts of a protocol, its own first. */
export function layoutsOf(protocol: HangingProtocol): HangingLayout[] {
  return [protocol, ...protocol.stages];
}

/** A protocol with another layout in a place, 0 for its own. */
export function withLayout(protocol: HangingProtocol, at: number, layout: HangingLayout): HangingProtocol {
  const { name, rows, columns, linked, fused, viewports } = layout;
  const only = { name, rows, columns, linked, fused, viewports };
  if (at === 0) return { ...protocol, ...only };
  return { ...protocol, stages: protocol.stages.map((one, index) => (index === at - 1 ? only : one)) };
}

/** An item moved by places, as far as there are any: protocols are tried in their order. */
export function movedBy<Item>(items: readonly Item[], from: number, by: number): Item[] {
  const to = Math.max(0, Math.min(items.length - 1, from + by));
  const rest = items.filter((_, index) => index !== from);
  return [...rest.slice(0, to), ...items.slice(from, from + 1), ...rest.slice(to)];
}

/** A name that none has yet: "CT", "CT 2". */
export function freeName(wanted: string, taken: readonly string[]): string {
  let number = 2;
  let name = wanted;
  while (taken.includes(name)) {
    name = `${wanted} ${number}`;
    number += 1;
  }
  return name;
}
