import type { MenuAction } from "@/shared/components/ContextMenu";
import type { Measurements } from "@/features/reader/hooks/measurements/useMeasurements";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import type { ViewId } from "@/cornerstone";
import { referencePoint } from "@/dicom/measurements/referencePoint";
import { text } from "@/shared/i18n";
import { cellCount } from "@/features/reader/lib/layout/layout";

/** What the menu of a viewport offers. */
export function viewActions({
  reader,
  viewId,
  undo,
  redo,
  measurements,
  toggleKeyImage,
  share,
  shown,
  at,
}: {
  reader: ReaderState;
  viewId: ViewId;
  undo: () => void;
  redo: () => void;
  measurements: Measurements;
  toggleKeyImage: () => void;
  share: () => void;
  /** What this person presses for a key of the pages. */
  shown: (usual: string) => string;
  /** Where the menu was asked for, in the window. */
  at: { x: number; y: number };
}): MenuAction[] {
  const { viewing: t } = text();
  const { arrangement, layout, linking, scene } = reader;
  const many = layout === "planes" || (arrangement !== null && cellCount(arrangement) > 1);
  // Before the menu takes the place of what is pointed at.
  const lpsMm = layout === "volume" ? null : (scene?.places.lpsAtWindow(viewId, at) ?? null);
  // All three planes show one series, which stands under the first of them.
  const shownSeries = reader.shown.get(layout === "planes" ? "axial" : viewId) ?? null;
  const canRefer = lpsMm !== null && shownSeries !== null && referencePoint(lpsMm, shownSeries.order.slices) !== null;
  const isStack = layout === "stack";
  const linked = arrangement?.linked ?? false;
  return [
    ...(many
      ? [
          {
            key: "maximise",
            word: reader.maximised ? t.restoreLayout : t.maximise,
            hint: t.doubleClick,
            run: () => reader.toggleMaximised(viewId),
          },
        ]
      : []),
    { key: "invert", word: t.invert, hint: shown("i"), run: () => scene?.toggleInvert() },
    { key: "reset", word: t.reset, hint: shown("r"), run: () => scene?.reset() },
    ...(isStack ? [{ key: "key-image", word: t.markKeyImage, hint: shown("k"), run: toggleKeyImage }] : []),
    ...(isStack && many
      ? [
          { key: "linked", word: linked ? t.unlink : t.link, hint: shown("y"), run: () => reader.setLinked(!linked) },
          ...(linked
            ? [{ key: "offset", word: t.adjustOffset, hint: shown("Y"), run: () => linking.adjust(!linking.adjusting) }]
            : []),
        ]
      : []),
    ...(isStack && reader.spyglass.count > 0
      ? [{ key: "spyglass", word: reader.spyglass.nth === null ? t.spyglass.name : t.spyglass.next, hint: shown("G"), run: reader.spyglass.next }]
      : []),
    ...(canRefer
      ? [{ key: "reference", word: t.reference.here, hint: "", run: () => reader.reference.mark(viewId, shownSeries, lpsMm) }]
      : []),
    ...(reader.reference.isSet ? [{ key: "no-reference", word: t.reference.clear, hint: shown("E"), run: reader.reference.clear }] : []),
    { key: "share", word: t.sharing.share, hint: "", run: share },
    { key: "undo", word: t.undoMeasurement, hint: "Ctrl+Z", run: undo },
    { key: "redo", word: t.redoMeasurement, hint: "Ctrl+Y", run: redo },
    {
      key: "remove",
      word: t.keys.remove,
      hint: "Del",
      disabled: measurements.list.length === 0,
      run: measurements.removeChosen,
    },
  ];
}
