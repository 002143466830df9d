import type { MeasuringTool, ToolName } from "@/lib/cornerstone";

const plainTools: { name: ToolName; label: string; key: string }[] = [
  { name: "window", label: "Window", key: "w" },
  { name: "zoom", label: "Zoom", key: "z" },
  { name: "pan", label: "Pan", key: "p" },
  { name: "scroll", label: "Scroll", key: "s" },
  { name: "magnify", label: "Magnify", key: "x" },
];
const crosshairs = { name: "crosshairs", label: "Crosshairs", key: "c" } as const;

export const measuringTools: { name: MeasuringTool; label: string; key: string }[] = [
  { name: "length", label: "Length", key: "l" },
  { name: "bidirectional", label: "Two diameters", key: "b" },
  { name: "angle", label: "Angle", key: "a" },
  { name: "cobb", label: "Cobb angle", key: "A" },
  { name: "ellipse", label: "Ellipse", key: "e" },
  { name: "circle", label: "Circle", key: "d" },
  { name: "rectangle", label: "Rectangle", key: "q" },
  { name: "freehand", label: "Freehand", key: "f" },
  { name: "probe", label: "Value", key: "v" },
  { name: "arrow", label: "Arrow", key: "t" },
];

/** What the left mouse button, or one finger, does. */
export function MouseToolChoice({
  tool,
  planesOpen,
  disabled,
  onTool,
}: {
  tool: ToolName;
  planesOpen: boolean;
  disabled: boolean;
  onTool: (tool: ToolName) => void;
}) {
  const measuring = measuringTools.find(({ name }) => name === tool);
  const shown = planesOpen ? [...plainTools, crosshairs] : plainTools;
  return (
    <>
      <div role="radiogroup" aria-label="Left mouse button" className="flex flex-wrap gap-1">
        {shown.map(({ name, label, key }) => (
          <button
            key={name}
            type="button"
            role="radio"
            aria-checked={tool === name}
            title={`${label} (${key})`}
            disabled={disabled}
            className="control aria-checked:border-accent aria-checked:text-accent"
            onClick={() => onTool(name)}
          >
            {label}
          </button>
        ))}
      </div>
      <select
        aria-label="Measure"
        data-testid="measure-tool"
        title="What to measure"
        className={`control w-28 ${measuring ? "border-accent text-accent" : ""}`}
        disabled={disabled}
        value={measuring?.name ?? ""}
        onChange={(event) => {
          onTool(event.target.value as ToolName);
          event.target.blur();
        }}
      >
        <option value="" disabled>
          Measure
        </option>
        {measuringTools.map(({ name, label, key }) => (
          <option key={name} value={name}>
            {label} ({key})
          </option>
        ))}
      </select>
    </>
  );
}
