import type { KeyGroup } from "@/shared/components/KeyHelp";
import { measuringTools } from "@/features/reader/components/tools/MouseToolChoice";
import { shownKey, type OwnKey } from "@/shared/lib/keys/ownKeys";
import { text, type Messages } from "@/shared/i18n";

/** The keys of the reader as this person has them. */
export function ownReaderKeys(t: Messages["viewing"], own: readonly OwnKey[]): KeyGroup[] {
  return readerKeys(t).map(({ title, keys }) => ({
    title,
    keys: keys.map(({ keys: usual, does }) => ({ keys: usual.map((key) => shownKey(key, own)), does })),
  }));
}

export function readerKeys(t: Messages["viewing"]): KeyGroup[] {
  const { keyGroups: groups, keys: does } = t;
  return [
    {
      title: groups.slices,
      keys: [
        { keys: ["↑", "↓"], does: does.oneSlice },
        { keys: ["PgUp", "PgDn"], does: does.tenSlices },
        { keys: ["Home", "End"], does: does.ends },
        { keys: ["←", "→"], does: does.axis },
        { keys: [t.playKey], does: does.play },
        { keys: ["P"], does: t.playAllHint },
      ],
    },
    {
      title: groups.viewports,
      keys: [
        { keys: ["g"], does: does.layout },
        { keys: [">", "<"], does: does.stage },
        { keys: ["n", "N"], does: does.viewport },
        { keys: [".", ","], does: does.series },
        { keys: ["y"], does: t.linkHint },
        { keys: ["X", does.shiftMove], does: does.sharedCursor },
        { keys: ["E"], does: does.reference },
        { keys: ["G"], does: t.spyglass.hint },
        { keys: ["Y"], does: t.adjustHint },
        { keys: ["m"], does: does.planes },
        { keys: ["u"], does: does.volume },
      ],
    },
    {
      title: t.threePlanes,
      keys: [
        { keys: ["c"], does: does.crosshairs },
        { keys: ["(", ")"], does: does.turnPlanes },
        { keys: ["K"], does: t.curved.hint },
        { keys: ["M"], does: does.projection },
        { keys: ["+", "-"], does: does.thickness },
      ],
    },
    {
      title: groups.button,
      keys: [
        { keys: ["w"], does: does.window },
        { keys: ["W"], does: does.region },
        { keys: ["z"], does: t.tools.zoom },
        { keys: ["p"], does: t.tools.pan },
        { keys: ["s"], does: t.tools.scroll },
        { keys: ["x"], does: t.tools.magnify },
      ],
    },
    {
      title: t.byKeys.title,
      keys: [
        { keys: ["Enter"], does: t.byKeys.begin },
        { keys: ["Enter"], does: t.byKeys.set },
        { keys: [t.byKeys.shiftArrow], does: t.byKeys.further },
      ],
    },
    {
      title: t.measure,
      keys: measuringTools.map(({ key, name }) => ({ keys: [key], does: t.kinds[name] })),
    },
    {
      title: groups.image,
      keys: [
        { keys: ["1", "…", "9"], does: does.presets },
        { keys: ["i"], does: t.invert },
        { keys: ["h", "j"], does: does.flip },
        { keys: ["[", "]"], does: does.rotate },
        { keys: ["r"], does: does.reset },
        { keys: ["Z"], does: t.trueSize.hint },
      ],
    },
    {
      title: groups.results,
      keys: [
        { keys: ["F", "R"], does: does.tabs },
        { keys: ["S"], does: t.panes.series },
        { keys: ["T"], does: t.panes.results },
        { keys: ["k"], does: does.keyImage },
        { keys: ["Del"], does: does.remove },
        { keys: ["Ctrl+Z", "Ctrl+Y"], does: does.undo },
        { keys: ["o"], does: does.masks },
        { keys: ["C"], does: does.clicks },
        { keys: ["D"], does: t.drawing.title },
        { keys: ["O"], does: does.overlays },
        { keys: ["H"], does: t.heatMaps.key },
        { keys: [t.nextFindingKey, t.previousFindingKey], does: does.nextFinding },
        { keys: [t.acceptKey, t.rejectKey], does: does.feedback },
        { keys: [t.signKey], does: does.sign },
        { keys: [t.nextStudyKey, t.previousStudyKey], does: does.nextStudy },
        { keys: ["Esc"], does: does.leave },
        { keys: ["?"], does: text().common.theseKeys },
      ],
    },
    {
      title: groups.touch,
      keys: [
        { keys: [does.wheel], does: groups.slices },
        { keys: [does.right], does: t.tools.zoom },
        { keys: [does.rightClick], does: does.menu },
        { keys: [t.doubleClick], does: t.maximise },
        { keys: [does.middle], does: t.tools.pan },
        { keys: [does.twoFingers], does: does.pinch },
        { keys: [does.threeFingers], does: groups.slices },
      ],
    },
  ];
}
