import type { Masks } from "@/hooks/useMasks";
import type { MaskControls } from "@/hooks/useMaskControls";
import { Section } from "@/components/reader/Section";

export function MaskPanel({
  masks: { masks, failures, loading },
  controls,
  onShow,
}: {
  masks: Masks;
  controls: MaskControls;
  onShow: (sopInstanceUid: string, segmentNumber: number) => void;
}) {
  if (masks.length === 0 && failures.length === 0 && !loading) return null;
  const { style, setStyle } = controls;
  return (
    <Section title="Masks over the image">
      {loading && masks.length === 0 && (
        <p className="text-dim" role="status">
          Reading the mask…
        </p>
      )}
      <ul className="space-y-1">
        {masks.flatMap((mask) =>
          mask.segments.map(({ segmentNumber, label, extent, algorithm }) => (
            <li key={`${mask.segmentationId}#${segmentNumber}`} className="flex items-center gap-2">
              <label className="flex flex-1 items-center gap-2">
                <input
                  type="checkbox"
                  data-testid="segment-toggle"
                  className="size-4 accent-accent"
                  checked={controls.isVisible(mask, segmentNumber)}
                  onChange={(event) => controls.setVisible(mask, segmentNumber, event.target.checked)}
                />
                <span>{label}</span>
                {algorithm && <span className="text-xs text-dim">{algorithm}</span>}
              </label>
              {extent ? (
                <button
                  type="button"
                  className="control px-2 py-0 text-xs"
                  onClick={() => onShow(mask.sopInstanceUid, segmentNumber)}
                >
                  Go to
                </button>
              ) : (
                <span className="text-xs text-dim">empty</span>
              )}
            </li>
          )),
        )}
      </ul>
      {masks.length > 0 && (
        <div className="mt-3 space-y-2 text-xs">
          <label className="flex items-center gap-3">
            <span className="w-14 text-dim">Opacity</span>
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
            <Check label="Fill" checked={style.fill} onChange={(fill) => setStyle({ ...style, fill })} />
            <Check
              label="Outline"
              checked={style.outline}
              onChange={(outline) => setStyle({ ...style, outline })}
            />
          </div>
        </div>
      )}
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
