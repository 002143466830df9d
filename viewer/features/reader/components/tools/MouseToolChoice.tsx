import { Icon } from "@/features/reader/components/tools/icons";
import { useShownKey } from "@/features/reader/hooks/tools/useOwnKeys";
import { useText } from "@/shared/hooks/useText";
import type { MeasuringTool, ToolName } from "@/cornerstone";

type PlainTool = Exclude<ToolName, MeasuringTool>;

const keys: Record<PlainTool, string> = {
  window: "w",
  region: "W",
  zoom: "z",
  pan: "p",
  scroll: "s",
  magnify: "x",
  crosshairs: "c",
};
/** What is used all the time, and what can wait in the menu. */
export const usualTools: readonly PlainTool[] = ["window", "zoom", "pan", "scroll"];
export const otherTools: readonly PlainTool[] = ["region", "magnify"];

export const measuringTools: { name: MeasuringTool; key: string }[] = [
  { name: "length", key: "l" },
  { name: "bidirectional", key: "b" },
  { name: "angle", key: "a" },
  { name: "cobb", key: "A" },
  { name: "lines", key: "B" },
  { name: "ellipse", key: "e" },
  { name: "circle", key: "d" },
  { name: "rectangle", key: "q" },
  { name: "freehand", key: "f" },
  { name: "probe", key: "v" },
  { name: "arrow", key: "t" },
  { name: "text", key: "L" },
  { name: "vertebra", key: "V" },
];

/** What the left mouse button, or one finger, does. */
export function MouseTools({
  names,
  tool,
  disabled,
  withName = false,
  onTool,
}: {
  names: readonly PlainTool[];
  tool: ToolName;
  disabled: boolean;
  withName?: boolean;
  onTool: (tool: ToolName) => void;
}) {
  const { viewing: t } = useText();
  const shown = useShownKey();
  return (
    <div role="radiogroup" aria-label={t.leftButton} className="flex gap-1">
      {names.map((name) => (
        <button
          key={name}
          type="button"
          role="radio"
          aria-checked={tool === name}
          aria-label={t.tools[name]}
          title={`${name === "crosshairs" ? t.keys.crosshairs : t.tools[name]} (${shown(keys[name])})`}
          disabled={disabled}
          className="control inline-flex items-center gap-2 px-1.5 aria-checked:border-accent aria-checked:text-accent"
          onClick={() => onTool(name)}
        >
          <Icon name={name} />
          {withName && <span aria-hidden="true" className="text-xs whitespace-nowrap">{t.tools[name]}</span>}
        </button>
      ))}
    </div>
  );
}

export function MeasureChoice({ tool, disabled, onTool }: { tool: ToolName; disabled: boolean; onTool: (tool: ToolName) => void }) {
  const { viewing: t } = useText();
  const shown = useShownKey();
  const measuring = measuringTools.find(({ name }) => name === tool);
  return (
    <select
      aria-label={t.measure}
      data-testid="measure-tool"
      title={t.whatToMeasure}
      className={`control w-32 ${measuring ? "border-accent text-accent" : ""}`}
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
          {t.kinds[name]} ({shown(key)})
        </option>
      ))}
    </select>
  );
}
