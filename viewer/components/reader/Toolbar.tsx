import type { LoadedSeries, ToolName } from "@/lib/cornerstone";
import { presetsFor, type WindowRange } from "@/lib/windowing";
import type { Layout } from "@/hooks/useReader";

const tools: { name: ToolName; label: string; key: string; planesOnly?: boolean }[] = [
  { name: "window", label: "Window", key: "w" },
  { name: "zoom", label: "Zoom", key: "z" },
  { name: "pan", label: "Pan", key: "p" },
  { name: "scroll", label: "Scroll", key: "s" },
  { name: "length", label: "Length", key: "l" },
  { name: "crosshairs", label: "Crosshairs", key: "c", planesOnly: true },
];

export function Toolbar({
  tool,
  layout,
  series,
  openingRange,
  onTool,
  onLayout,
  onWindow,
  onInvert,
  onReset,
  onClear,
}: {
  tool: ToolName;
  layout: Layout;
  series: LoadedSeries | null;
  openingRange: WindowRange | null;
  onTool: (tool: ToolName) => void;
  onLayout: () => void;
  onWindow: (range: WindowRange) => void;
  onInvert: () => void;
  onReset: () => void;
  onClear: () => void;
}) {
  const refusal = series?.order.volumeRefusal ?? "";
  const presets = series && openingRange ? presetsFor(series.modality, openingRange) : [];
  const chosen = "aria-checked:border-accent aria-checked:text-accent";
  return (
    <div
      role="toolbar"
      aria-label="Image tools"
      className="flex flex-wrap items-center gap-1.5 border-b border-line bg-panel px-2 py-1.5"
    >
      <div role="radiogroup" aria-label="Left mouse button" className="flex flex-wrap gap-1.5">
        {tools
          .filter(({ planesOnly }) => !planesOnly || layout === "planes")
          .map(({ name, label, key }) => (
            <button
              key={name}
              type="button"
              role="radio"
              aria-checked={tool === name}
              title={`${label} (${key})`}
              className={`control ${chosen}`}
              onClick={() => onTool(name)}
            >
              {label}
            </button>
          ))}
      </div>
      <span className="mx-1 h-5 w-px bg-line" aria-hidden="true" />
      <select
        aria-label="Window preset"
        title="Window presets (1 to 6)"
        className="control w-24"
        disabled={presets.length === 0}
        value=""
        onChange={(event) => {
          const preset = presets[Number(event.target.value)];
          if (preset) onWindow(preset.range);
          event.target.blur();
        }}
      >
        <option value="" disabled>
          Presets
        </option>
        {presets.map(({ name }, index) => (
          <option key={name} value={index}>
            {index + 1} {name}
          </option>
        ))}
      </select>
      <button type="button" className="control" title="Invert (i)" onClick={onInvert}>
        Invert
      </button>
      <button type="button" className="control" title="Reset (r)" onClick={onReset}>
        Reset
      </button>
      <button type="button" className="control" title="Remove measurements (Del)" onClick={onClear}>
        Clear lengths
      </button>
      <button
        type="button"
        aria-pressed={layout === "planes"}
        data-testid="mpr-toggle"
        className="control ml-auto aria-pressed:border-accent aria-pressed:text-accent"
        disabled={!series || refusal !== ""}
        title={refusal || "Axial, sagittal and coronal (m)"}
        onClick={onLayout}
      >
        Three planes
      </button>
    </div>
  );
}
