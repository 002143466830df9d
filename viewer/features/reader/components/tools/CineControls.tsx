import { ToolButton } from "@/features/reader/components/tools/ToolButton";
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
      <ToolButton icon={cine.playing ? "stop" : "play"} name={cine.playing ? t.stop : t.play} shortcut={t.playKey} pressed={cine.playing} testId="cine" disabled={disabled} onClick={cine.toggle} />
      {many && <ToolButton icon="playAll" name={t.playAll} hint={t.playAllHint} shortcut="P" pressed={cine.all} testId="cine-all" disabled={disabled} onClick={cine.toggleAll} />}
      {onSpread && <ToolButton icon="clips" name={t.spreadClips} hint={t.spreadClipsHint} testId="spread-clips" onClick={onSpread} />}
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
