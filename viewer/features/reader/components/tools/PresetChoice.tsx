import type { ReaderState } from "@/features/reader/hooks/useReader";
import { useText } from "@/shared/hooks/useText";
import { presetsFor } from "@/dicom/windowing";

export function PresetChoice({ reader: { scene, series, layout } }: { reader: ReaderState }) {
  const { viewing: t } = useText();
  const range = scene?.openingRange ?? null;
  const presets = series && range && layout !== "volume" ? presetsFor(series.modality, range, series.headerPresets) : [];
  return (
    <select
      aria-label={t.presetLabel}
      title={t.presetHint}
      className="control w-22"
      disabled={presets.length === 0}
      value=""
      onChange={(event) => {
        const preset = presets[Number(event.target.value)];
        if (preset) scene?.setWindow(preset);
        event.target.blur();
      }}
    >
      <option value="" disabled>
        {t.presets}
      </option>
      {presets.map(({ name }, index) => (
        <option key={`${index} ${name}`} value={index}>
          {index + 1} {(t.presetNames as Record<string, string>)[name] ?? name}
        </option>
      ))}
    </select>
  );
}
