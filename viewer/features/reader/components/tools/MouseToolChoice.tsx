import { useText } from "@/shared/hooks/useText";
import type { MeasuringTool, ToolName } from "@/cornerstone";

const plainTools = [
  { name: "window", key: "w" },
  { name: "region", key: "W" },
  { name: "zoom", key: "z" },
  { name: "pan", key: "p" },
  { name: "scroll", key: "s" },
  { name: "magnify", key: "x" },
] as const;
const crosshairs = { name: "crosshairs", key: "c" } as const;

export const measuringTools: { name: MeasuringTool; key: string }[] = [
  { name: "length", key: "l" },
  { name: "bidirectional", key: "b" },
  { name: "angle", key: "a" },
  { name: "cobb", key: "A" },
  { name: "ellipse", key: "e" },
  { name: "circle", key: "d" },
  { name: "rectangle", key: "q" },
  { name: "freehand", key: "f" },
  { name: "probe", key: "v" },
  { name: "arrow", key: "t" },
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
  const { viewing: t } = useText();
  const measuring = measuringTools.find(({ name }) => name === tool);
  const shown = planesOpen ? [...plainTools, crosshairs] : plainTools;
  return (
    <>
      <div role="radiogroup" aria-label={t.leftButton} className="flex flex-wrap gap-1">
        {shown.map(({ name, key }) => (
          <button
            key={name}
            type="button"
            role="radio"
            aria-checked={tool === name}
            title={`${t.tools[name]} (${key})`}
            disabled={disabled}
            className="control aria-checked:border-accent aria-checked:text-accent"
            onClick={() => onTool(name)}
          >
            {t.tools[name]}
          </button>
        ))}
      </div>
      <select
        aria-label={t.measure}
        data-testid="measure-tool"
        title={t.whatToMeasure}
        className={`control w-28 ${measuring ? "border-accent text-accent" : ""}`}
        disabled={disabled}
        value={measuring?.name ?? ""}
        onChange={(event) => {
          onTool(event.target.value as ToolName);
          event.target.blur();
        }}
      >
        <option value="" disabled>
          {t.measure}
        </option>
        {measuringTools.map(({ name, key }) => (
          <option key={name} value={name}>
            {t.kinds[name]} ({key})
          </option>
        ))}
      </select>
    </>
  );
}
