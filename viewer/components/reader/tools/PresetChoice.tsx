import type { ReaderState } from "@/hooks/useReader";
import { presetsFor } from "@/lib/windowing";

export function PresetChoice({ reader: { scene, series, layout } }: { reader: ReaderState }) {
  const range = scene?.openingRange ?? null;
  const presets = series && range && layout !== "volume" ? presetsFor(series.modality, range, series.headerPresets) : [];
  return (
    <select
      aria-label="Window preset"
      title="Window presets (1 to 6)"
      className="control w-24"
      disabled={presets.length === 0}
      value=""
      onChange={(event) => {
        const preset = presets[Number(event.target.value)];
        if (preset) scene?.setWindow(preset);
        event.target.blur();
      }}
    >
      <option value="" disabled>
        Presets
      </option>
      {presets.map(({ name }, index) => (
        <option key={`${index} ${name}`} value={index}>
          {index + 1} {name}
        </option>
      ))}
    </select>
  );
}
