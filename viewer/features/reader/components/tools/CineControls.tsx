import type { Cine } from "@/features/reader/hooks/tools/useCine";
import { useText } from "@/shared/hooks/useText";

export function CineControls({ cine, disabled }: { cine: Cine; disabled: boolean }) {
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
