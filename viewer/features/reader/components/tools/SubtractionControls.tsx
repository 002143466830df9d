import type { SubtractionState } from "@/features/reader/hooks/tools/useSubtraction";
import { useText } from "@/shared/hooks/useText";

/** Digital subtraction of the active clip: on and off, its mask frame, and by how much the mask is moved. */
export function SubtractionControls({ subtraction }: { subtraction: SubtractionState }) {
  const { viewing: t } = useText();
  const { isPossible, isOn, how, toggle, setMask, maskHere, shift } = subtraction;
  if (!isPossible) return null;
  return (
    <div role="group" aria-label={t.subtraction.title} className="flex items-center gap-1.5">
      <button
        type="button"
        aria-pressed={isOn}
        data-testid="subtract"
        className="control aria-pressed:border-accent aria-pressed:text-accent"
        title={t.subtraction.hint}
        onClick={toggle}
      >
        {t.subtraction.name}
      </button>
      {how?.backBy === 0 && (
        <label className="flex items-center gap-1 text-xs">
          {t.subtraction.mask}
          <input
            type="number"
            min={1}
            data-testid="mask-frame"
            className="control w-14"
            value={how.maskFrames[0] ?? 1}
            onChange={(event) => Number(event.target.value) >= 1 && setMask(Math.round(Number(event.target.value)))}
          />
        </label>
      )}
      {isOn && (
        <button type="button" className="control text-xs" data-testid="mask-here" title={t.subtraction.hereHint} onClick={maskHere}>
          {t.subtraction.here}
        </button>
      )}
      {how &&
        (["right", "down"] as const).map((way) => (
          <label key={way} className="flex items-center gap-1 text-xs" title={t.subtraction.shifts[way]}>
            <span aria-hidden="true">{way === "right" ? "→" : "↓"}</span>
            <input
              type="number"
              step={0.5}
              aria-label={t.subtraction.shifts[way]}
              data-testid={`shift-${way}`}
              className="control w-16"
              value={how[way]}
              onChange={(event) => {
                const pixels = Number(event.target.value);
                if (Number.isFinite(pixels)) shift(way === "right" ? pixels : how.right, way === "down" ? pixels : how.down);
              }}
            />
          </label>
        ))}
    </div>
  );
}
