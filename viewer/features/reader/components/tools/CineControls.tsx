import type { Cine } from "@/features/reader/hooks/tools/useCine";
import { useText } from "@/shared/hooks/useText";

export function CineControls({
  cine,
  disabled,
  many,
  onSpread,
}: {
  cine: Cine;
  disabled: boolean;
  /** Whether there are other stacks to play, too. */
  many: boolean;
  /** Shows the clips of the active series beside each other; null where it has no two. */
  onSpread: (() => void) | null;
}) {
  const { viewing: t } = useText();
  return (
    <div role="group" aria-label={t.cine} className="flex items-center gap-1.5">
      <button
        type="button"
        aria-pressed={cine.playing}
        data-testid="cine"
        className="control aria-pressed:border-accent aria-pressed:text-accent"
        title={`${t.play} (${t.playKey})`}
        disabled={disabled}
        onClick={cine.toggle}
      >
        {cine.playing ? t.stop : t.play}
      </button>
      {many && (
        <button
          type="button"
          aria-pressed={cine.all}
          data-testid="cine-all"
          className="control aria-pressed:border-accent aria-pressed:text-accent"
          title={`${t.playAllHint} (P)`}
          disabled={disabled}
          onClick={cine.toggleAll}
        >
          {t.playAll}
        </button>
      )}
      {onSpread && (
        <button type="button" data-testid="spread-clips" className="control" title={t.spreadClipsHint} onClick={onSpread}>
          {t.spreadClips}
        </button>
      )}
      {cine.playing && (
        <label className="flex items-center gap-1 text-xs">
          <span className="sr-only">{t.perSecond}</span>
          <input
            type="number"
            min={1}
            max={60}
            className="control w-14"
            value={cine.framesPerSecond}
            onChange={(event) => cine.setFramesPerSecond(Number(event.target.value))}
          />
          /s
        </label>
      )}
    </div>
  );
}
