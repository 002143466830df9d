import type { Cine } from "@/hooks/useCine";

export function CineControls({ cine, disabled }: { cine: Cine; disabled: boolean }) {
  return (
    <div role="group" aria-label="Cine" className="flex items-center gap-1.5">
      <button
        type="button"
        aria-pressed={cine.playing}
        data-testid="cine"
        className="control aria-pressed:border-accent aria-pressed:text-accent"
        title="Play (space)"
        disabled={disabled}
        onClick={cine.toggle}
      >
        {cine.playing ? "Stop" : "Play"}
      </button>
      {cine.playing && (
        <label className="flex items-center gap-1 text-xs">
          <span className="sr-only">Frames per second</span>
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
