import { AxisControls } from "@/features/reader/components/tools/AxisControls";
import { CineControls } from "@/features/reader/components/tools/CineControls";
import { FusionControls } from "@/features/reader/components/tools/FusionControls";
import { LayoutControls } from "@/features/reader/components/tools/LayoutControls";
import { MouseToolChoice } from "@/features/reader/components/tools/MouseToolChoice";
import { PresetChoice } from "@/features/reader/components/tools/PresetChoice";
import { SubtractionControls } from "@/features/reader/components/tools/SubtractionControls";
import { SlabControls } from "@/features/reader/components/tools/SlabControls";
import type { Cine } from "@/features/reader/hooks/tools/useCine";
import type { SubtractionState } from "@/features/reader/hooks/tools/useSubtraction";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { cellCount } from "@/features/reader/lib/layout/layout";
import { useText } from "@/shared/hooks/useText";
import type { ToolName, Turn } from "@/cornerstone";

const turns: { how: Turn; label: string; key: string }[] = [
  { how: "left", label: "⟲", key: "[" },
  { how: "right", label: "⟳", key: "]" },
  { how: "flip-horizontal", label: "⇋", key: "h" },
  { how: "flip-vertical", label: "⥮", key: "j" },
];

export function Toolbar({
  reader,
  tool,
  cine,
  subtraction,
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
  isKeyImage: boolean;
  onTool: (tool: ToolName) => void;
  onPlanes: () => void;
  onVolume: () => void;
  onKeyImage: () => void;
}) {
  const { viewing: t } = useText();
  const { scene, series, layout } = reader;
  const flat = layout !== "volume";
  const many = reader.arrangement !== null && cellCount(reader.arrangement) > 1;
  return (
    <div
      role="toolbar"
      aria-label={t.imageTools}
      className="flex flex-wrap items-center gap-1.5 border-b border-line bg-panel px-2 py-1.5"
    >
      <MouseToolChoice tool={tool} planesOpen={layout === "planes"} disabled={!flat} onTool={onTool} />
      <Divider />
      <PresetChoice reader={reader} />
      <button type="button" className="control" title={`${t.invert} (i)`} disabled={!flat} onClick={() => scene?.toggleInvert()}>
        {t.invert}
      </button>
      <div role="group" aria-label={t.turnImage} className="flex gap-1">
        {turns.map(({ how, label, key }) => (
          <button
            key={how}
            type="button"
            className="control px-2"
            aria-label={t.turns[how]}
            title={`${t.turns[how]} (${key})`}
            disabled={!flat || !series}
            onClick={() => scene?.turn(how)}
          >
            <span aria-hidden="true">{label}</span>
          </button>
        ))}
      </div>
      <button type="button" className="control" title={`${t.reset} (r)`} onClick={() => scene?.reset()}>
        {t.reset}
      </button>
      {layout === "stack" && series?.order.axis && <AxisControls reader={reader} axis={series.order.axis} />}
      {layout === "stack" && (
        <CineControls cine={cine} disabled={!series} many={many} onSpread={reader.spreadClips} />
      )}
      {layout === "stack" && <SubtractionControls subtraction={subtraction} />}
      {layout === "planes" && scene && <SlabControls scene={scene} />}
      {layout === "planes" && series && <FusionControls fusion={reader.fusion} studyInstanceUid={series.studyInstanceUid} />}
      <button
        type="button"
        aria-pressed={isKeyImage}
        data-testid="key-image"
        className="control aria-pressed:border-accent aria-pressed:text-accent"
        title={`${t.markKeyImage} (k)`}
        disabled={layout !== "stack" || !series}
        onClick={onKeyImage}
      >
        {t.keyImage}
      </button>
      <LayoutControls reader={reader} onPlanes={onPlanes} onVolume={onVolume} />
    </div>
  );
}

function Divider() {
  return <span className="mx-0.5 h-5 w-px bg-line" aria-hidden="true" />;
}
