import { AxisControls } from "@/features/reader/components/tools/AxisControls";
import { CineControls } from "@/features/reader/components/tools/CineControls";
import { FusionControls } from "@/features/reader/components/tools/FusionControls";
import { LayoutControls } from "@/features/reader/components/tools/LayoutControls";
import { MeasureChoice, MouseTools, otherTools, usualTools } from "@/features/reader/components/tools/MouseToolChoice";
import { PresetChoice } from "@/features/reader/components/tools/PresetChoice";
import { SlabControls, TurnControls } from "@/features/reader/components/tools/ReformatControls";
import { SpineControls } from "@/features/reader/components/tools/SpineControls";
import { StackSlabControls } from "@/features/reader/components/tools/StackSlabControls";
import { SubtractionControls } from "@/features/reader/components/tools/SubtractionControls";
import { ScreenSizeDialog } from "@/features/reader/components/tools/ScreenSizeDialog";
import { ToolButton } from "@/features/reader/components/tools/ToolButton";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import type { Cine } from "@/features/reader/hooks/tools/useCine";
import { useOverflow } from "@/features/reader/hooks/tools/useOverflow";
import type { Reformat } from "@/features/reader/hooks/tools/useReformat";
import { useTrueSize } from "@/features/reader/hooks/tools/useTrueSize";
import type { StackSlabState } from "@/features/reader/hooks/tools/useStackSlab";
import type { SubtractionState } from "@/features/reader/hooks/tools/useSubtraction";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { cellCount } from "@/features/reader/lib/layout/layout";
import { Menu } from "@/shared/components/Menu";
import { useText } from "@/shared/hooks/useText";
import type { ToolName, Turn } from "@/cornerstone";

const turns: { how: Turn; key: string }[] = [
  { how: "left", key: "[" },
  { how: "right", key: "]" },
  { how: "flip-horizontal", key: "h" },
  { how: "flip-vertical", key: "j" },
];

/** Groups that go into the menu where the row is too narrow, the least used first. */
const leaving = ["turns", "keyImage", "tools", "image", "turnPlanes", "presets"] as const;

export function Toolbar({
  reader,
  tool,
  cine,
  subtraction,
  stackSlab,
  reformat,
  curved,
  isKeyImage,
  onTool,
  onPlanes,
  onVolume,
  onKeyImage,
}: {
  reader: ReaderState;
  tool: ToolName;
  cine: Cine;
  subtraction: SubtractionState;
  stackSlab: StackSlabState;
  reformat: Reformat;
  curved: CurvedState;
  isKeyImage: boolean;
  onTool: (tool: ToolName) => void;
  onPlanes: () => void;
  onVolume: () => void;
  onKeyImage: () => void;
}) {
  const { viewing: t } = useText();
  const { scene, series, layout, arrangement } = reader;
  // A whole slide is dragged and zoomed by itself.
  const isSlide = Boolean(series?.slide);
  const flat = layout !== "volume" && !isSlide;
  const trueSize = useTrueSize(reader);
  const many = arrangement !== null && cellCount(arrangement) > 1;
  const content = [layout, many, arrangement?.linked, cine.playing, subtraction.isOn, stackSlab.projection, tool === "vertebra", reformat.slab.projection, curved.isPossible, reader.fusion.chosen?.seriesInstanceUid, reader.spyglass.count > 0, trueSize.isOn, reader.inStep.others > 0, series?.seriesInstanceUid, t.reset].join(" ");
  const { attach, hidden } = useOverflow(leaving.length, content);
  const isInMenu = (group: (typeof leaving)[number]) => leaving.indexOf(group) < hidden;
  const groups = {
    turns: (withName: boolean) => (
      <div role="group" aria-label={t.turnImage} className={withName ? "grid gap-1" : "flex gap-1"}>
        {turns.map(({ how, key }) => (
          <ToolButton key={how} icon={how} name={t.turns[how]} shortcut={key} disabled={!series} withName={withName} onClick={() => scene?.turn(how)} />
        ))}
      </div>
    ),
    keyImage: (withName: boolean) => (
      <ToolButton icon="key" name={t.keyImage} hint={t.markKeyImage} shortcut="k" pressed={isKeyImage} testId="key-image" disabled={!series} withName={withName} onClick={onKeyImage} />
    ),
    tools: (withName: boolean) => <MouseTools names={otherTools} tool={tool} disabled={false} withName={withName} onTool={onTool} />,
    image: (withName: boolean) => (
      <div className={withName ? "grid gap-1" : "flex gap-1"}>
        {flat && <ToolButton icon="invert" name={t.invert} shortcut="i" withName={withName} onClick={() => scene?.toggleInvert()} />}
        <ToolButton icon="reset" name={t.reset} hint={t.keys.reset} shortcut="r" withName={withName} onClick={() => scene?.reset()} />
        {flat && (
          <ToolButton
            icon="trueSize"
            name={t.trueSize.name}
            hint={trueSize.isPossible ? t.trueSize.hint : t.trueSize.noSize}
            shortcut="Z"
            pressed={trueSize.isOn}
            testId="true-size"
            disabled={!trueSize.isPossible}
            withName={withName}
            onClick={trueSize.toggle}
          />
        )}
        {flat && trueSize.isOn && <ToolButton icon="screen" name={t.trueSize.again} testId="measure-screen" withName={withName} onClick={trueSize.measure} />}
      </div>
    ),
    turnPlanes: (withName: boolean) => <TurnControls reformat={reformat} views={reader.views} withName={withName} />,
    presets: () => <PresetChoice reader={reader} />,
  };
  // What cannot work on what is shown is not there.
  const works = { turns: flat, keyImage: layout === "stack" && !isSlide, tools: flat, image: !isSlide, turnPlanes: layout === "planes", presets: flat };
  const inMenu = leaving.filter((group) => works[group] && isInMenu(group));
  const inRow = (group: (typeof leaving)[number]) => works[group] && !isInMenu(group) && groups[group](false);
  return (
    <div
      ref={attach}
      role="toolbar"
      aria-label={t.imageTools}
      data-testid="toolbar"
      data-tour="tools"
      className={`flex items-center gap-1.5 border-b border-line bg-panel px-2 py-1 *:shrink-0 ${hidden === leaving.length ? "flex-wrap" : ""}`}
    >
      {flat && <MouseTools names={layout === "planes" ? [...usualTools, "crosshairs"] : usualTools} tool={tool} disabled={false} onTool={onTool} />}
      {inRow("tools")}
      {flat && <MeasureChoice tool={tool} disabled={false} onTool={onTool} />}
      {flat && tool === "vertebra" && <SpineControls />}
      {inRow("presets")}
      {inRow("image")}
      {inRow("turns")}
      {layout === "stack" && series?.order.axis && <AxisControls reader={reader} axis={series.order.axis} />}
      {flat && layout === "stack" && <CineControls cine={cine} disabled={!series} many={many} onSpread={reader.spreadClips} />}
      {flat && layout === "stack" && <SubtractionControls subtraction={subtraction} />}
      <StackSlabControls slab={stackSlab} />
      {layout === "planes" && <SlabControls reformat={reformat} />}
      {curved.isPossible && <ToolButton icon="curved" name={t.curved.title} hint={t.curved.hint} shortcut="K" pressed={curved.isOpen} testId="curved-toggle" onClick={curved.toggle} />}
      {inRow("turnPlanes")}
      {layout === "planes" && series && <FusionControls fusion={reader.fusion} studyInstanceUid={series.studyInstanceUid} />}
      {inRow("keyImage")}
      {inMenu.length > 0 && (
        <Menu label={t.moreTools} testId="more-tools">
          <div className="grid gap-2">{inMenu.map((group) => <div key={group}>{groups[group](true)}</div>)}</div>
        </Menu>
      )}
      {trueSize.measuring && <ScreenSizeDialog onClose={trueSize.endMeasuring} />}
      <LayoutControls reader={reader} onPlanes={onPlanes} onVolume={onVolume} />
    </div>
  );
}
