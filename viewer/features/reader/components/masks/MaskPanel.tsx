import type { Masks } from "@/features/reader/hooks/masks/useMasks";
import type { MaskControls } from "@/features/reader/hooks/masks/useMaskControls";
import { MaskSegments } from "@/features/reader/components/masks/MaskSegments";
import { Section } from "@/features/reader/components/Section";
import type { LoadedMask } from "@/cornerstone";
import { useText } from "@/shared/hooks/useText";

export function MaskPanel({
  masks: { masks, failures, ofOthers, drawAnyway, loading },
  controls,
  onShow,
  onCopy,
}: {
  masks: Masks;
  controls: MaskControls;
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
  onCopy: ((mask: LoadedMask) => void) | null;
}) {
  const { viewing: t } = useText();
  if (masks.length === 0 && failures.length === 0 && ofOthers.length === 0 && !loading) return null;
  const { style, setStyle } = controls;
  return (
    <Section title={t.masks}>
      {loading && masks.length === 0 && (
        <p className="text-dim" role="status">
          {t.readingMask}…
        </p>
      )}
      {masks.map((mask) => (
        <MaskSegments key={mask.segmentationId} mask={mask} controls={controls} onShow={onShow} onCopy={onCopy} />
      ))}
      {masks.length > 0 && (
        <div className="mt-3 space-y-2 text-xs">
          <label className="flex items-center gap-3">
            <span className="w-14 text-dim">{t.opacity}</span>
            <input
              type="range"
              min={0}
              max={100}
              value={Math.round(style.opacity * 100)}
              data-testid="mask-opacity"
              className="flex-1 accent-accent"
              onChange={(event) => setStyle({ ...style, opacity: Number(event.target.value) / 100 })}
            />
            <span className="w-10 text-right">{Math.round(style.opacity * 100)} %</span>
          </label>
          <div className="flex gap-5">
            <Check label={t.fill} checked={style.fill} onChange={(fill) => setStyle({ ...style, fill })} />
            <Check
              label={t.outline}
              checked={style.outline}
              onChange={(outline) => setStyle({ ...style, outline })}
            />
          </div>
        </div>
      )}
      {ofOthers.map(({ sopInstanceUid, description, isDrawn, isUnchecked }) => (
        <div key={sopInstanceUid} role="alert" className="mt-2 text-warn" data-testid="mask-of-other">
          <p>{(isUnchecked ? t.uncheckedPatient : t.otherPatient)[isDrawn ? "drawn" : "notDrawn"](description)}</p>
          {!isDrawn && (
            <button type="button" className="control mt-1 px-2 py-0 text-xs" onClick={() => drawAnyway(sopInstanceUid)}>
              {t.otherPatient.drawAnyway}
            </button>
          )}
        </div>
      ))}
      {failures.map((failure) => (
        <p key={failure} role="alert" className="mt-2 text-warn">
          {failure}
        </p>
      ))}
    </Section>
  );
}

function Check({
  label,
  checked,
  onChange,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label className="flex items-center gap-2">
      <input
        type="checkbox"
        className="size-4 accent-accent"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  );
}
