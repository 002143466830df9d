"use client";

import { grids } from "@/features/reader/components/tools/LayoutControls";
import { measuringTools } from "@/features/reader/components/tools/MouseToolChoice";
import { usePeek } from "@/features/reader/hooks/masks/usePeek";
import type { Cine } from "@/features/reader/hooks/tools/useCine";
import { useOwnKeys } from "@/features/reader/hooks/tools/useOwnKeys";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import type { Layout, ReaderState } from "@/features/reader/hooks/useReader";
import { cells, type ToolName } from "@/cornerstone";
import { presetsFor } from "@/dicom/windowing";

/** The keys of the reader, as its help lists them (features/reader/components/keys.ts). */
export function useReaderKeys({
  reader,
  cine,
  choose,
  open,
  toggleMasks,
  onHelp,
  onLeave,
  more = {},
}: {
  reader: ReaderState;
  cine: Cine;
  choose: (tool: ToolName) => void;
  open: (layout: Layout) => void;
  toggleMasks: () => void;
  onHelp: () => void;
  onLeave: () => void;
  more?: Record<string, () => void>;
}): void {
  const { scene, series, layout, arrangement } = reader;
  const { chosen } = usePreferences();
  const step = (by: number) => scene?.navigation.scrollBy(by);
  const preset = (index: number) => {
    if (!scene?.openingRange || !series || layout === "volume") return;
    const wanted = presetsFor(series.modality, scene.openingRange, series.headerPresets, chosen.windows)[index];
    if (wanted) scene.setWindow(wanted);
  };
  const nextGrid = () => {
    if (!arrangement) return;
    const at = grids.findIndex(
      ([rows, columns]) => rows === arrangement.rows && columns === arrangement.columns,
    );
    const next = grids[(at + 1) % grids.length];
    if (next) reader.setGrid(...next);
  };
  const actions: Record<string, (event: KeyboardEvent) => void> = {
    ArrowUp: () => step(-1),
    ArrowDown: () => step(1),
    ArrowLeft: () => scene?.navigation.stepAxis(-1),
    ArrowRight: () => scene?.navigation.stepAxis(1),
    PageUp: () => step(-10),
    PageDown: () => step(10),
    Home: () => step(-100_000),
    End: () => step(100_000),
    w: () => choose("window"),
    W: () => choose("region"),
    z: () => choose("zoom"),
    p: () => choose("pan"),
    s: () => choose("scroll"),
    x: () => choose("magnify"),
    c: () => layout === "planes" && choose("crosshairs"),
    ...Object.fromEntries(measuringTools.map(({ name, key }) => [key, () => choose(name)])),
    i: () => scene?.toggleInvert(),
    h: () => scene?.turn("flip-horizontal"),
    j: () => scene?.turn("flip-vertical"),
    "[": () => scene?.turn("left"),
    "]": () => scene?.turn("right"),
    r: () => scene?.reset(),
    m: () => open("planes"),
    u: () => open("volume"),
    g: nextGrid,
    ">": () => reader.stages.step(1),
    "<": () => reader.stages.step(-1),
    n: () => reader.step(1),
    N: () => reader.step(-1),
    ".": () => reader.stepSeries(1),
    ",": () => reader.stepSeries(-1),
    X: () => {
      const middle = layout === "stack" ? scene?.places.lpsInMiddle() : null;
      const viewId = cells[arrangement?.active ?? 0];
      if (middle && viewId) scene?.cursor.show(viewId, middle);
    },
    E: () => {
      const middle = scene?.places.lpsInMiddle();
      const viewId = layout === "planes" ? "axial" : cells[arrangement?.active ?? 0];
      if (reader.reference.isSet) reader.reference.clear();
      else if (middle && viewId && series && layout !== "volume") reader.reference.mark(viewId, series, middle);
    },
    G: () => layout === "stack" && reader.spyglass.next(),
    y: () => arrangement && reader.setLinked(!arrangement.linked),
    Y: () => reader.linking.adjust(!reader.linking.adjusting),
    " ": () => layout === "stack" && cine.toggle(),
    P: () => layout === "stack" && cine.toggleAll(),
    o: usePeek(scene, reader.structureSets.setVeiled, toggleMasks),
    ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [String(n), () => preset(n - 1)])),
    ...more,
  };
  const kept = Object.entries(actions).map(([key, act]): [string, (event: KeyboardEvent) => void] => [
    key,
    (event) => {
      reader.keep();
      act(event);
    },
  ]);
  useHotkeys({ ...Object.fromEntries(kept), "?": onHelp, Escape: onLeave }, useOwnKeys());
}
