/** One tool of several, for the left button. */
export function ToolChoice<Tool extends string>({
  label,
  tools,
  chosen,
  nameOf,
  onChoose,
}: {
  label: string;
  tools: readonly Tool[];
  chosen: Tool;
  nameOf: (tool: Tool) => string;
  onChoose: (tool: Tool) => void;
}) {
  return (
    <div role="radiogroup" aria-label={label} className="flex flex-wrap gap-1.5">
      {tools.map((tool) => (
        <button
          key={tool}
          type="button"
          role="radio"
          aria-checked={chosen === tool}
          className="control min-h-6 px-2 py-0 aria-checked:border-accent aria-checked:text-accent"
          onClick={() => onChoose(tool)}
        >
          {nameOf(tool)}
        </button>
      ))}
    </div>
  );
}

/** How far a brush reaches, mm. */
export function BrushSize({
  label,
  radiusMm,
  onChange,
}: {
  label: string;
  radiusMm: number;
  onChange: (radiusMm: number) => void;
}) {
  return (
    <label className="flex items-center gap-2">
      <span className="text-dim">{label}</span>
      <input
        type="range"
        min={1}
        max={40}
        value={radiusMm}
        className="min-w-0 flex-1 accent-accent"
        onChange={(event) => onChange(Number(event.target.value))}
      />
      {radiusMm} mm
    </label>
  );
}
