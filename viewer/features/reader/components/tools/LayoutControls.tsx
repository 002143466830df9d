import { InStepControls } from "@/features/reader/components/tools/InStepControls";
import { ToolButton } from "@/features/reader/components/tools/ToolButton";
import type { ReaderState } from "@/features/reader/hooks/useReader";
import { useText } from "@/shared/hooks/useText";
import { fixed } from "@/shared/lib/format";
import type { Count } from "@/features/reader/lib/layout/layout";

const counts: readonly Count[] = [1, 2, 3];
export const grids: readonly [Count, Count][] = counts.flatMap((rows) =>
  counts.map((columns): [Count, Count] => [rows, columns]),
);

const leastOffsetMm = 0.05;

/** Rows and columns of stacks, three planes, or a volume. */
export function LayoutControls({
  reader,
  onPlanes,
  onVolume,
}: {
  reader: ReaderState;
  onPlanes: () => void;
  onVolume: () => void;
}) {
  const { viewing: t } = useText();
  const { arrangement, layout, linking, series, stages } = reader;
  const stageName = shippedName(stages.current?.name ?? "", t.stages.shipped);
  const refusal = series?.order.volumeRefusal ?? "";
  const pressed = "control aria-pressed:border-accent aria-pressed:text-accent";
  const many = arrangement !== null && arrangement.rows * arrangement.columns > 1;
  return (
    <div role="group" aria-label={t.layout} className="ml-auto flex items-center gap-1.5">
      {stages.count > 1 && (
        <span role="group" aria-label={t.stages.title} className="flex items-center gap-1">
          <button
            type="button"
            data-testid="previous-stage"
            className="control px-2"
            aria-label={t.stages.previous}
            title={`${t.stages.previous} (<)`}
            disabled={stages.number === 1}
            onClick={() => stages.step(-1)}
          >
            <span aria-hidden="true">‹</span>
          </button>
          <span className="max-w-48 truncate text-xs text-dim" data-testid="stage" title={stageName}>
            {t.stages.at(stages.number, stages.count)} {stageName}
          </span>
          <button
            type="button"
            data-testid="next-stage"
            className="control px-2"
            aria-label={t.stages.next}
            title={`${t.stages.next} (>)`}
            disabled={stages.number === stages.count}
            onClick={() => stages.step(1)}
          >
            <span aria-hidden="true">›</span>
          </button>
        </span>
      )}
      {many && layout === "stack" && (
        <ToolButton icon="linked" name={t.linked} hint={t.linkHint} shortcut="y" pressed={arrangement.linked} testId="link-toggle" onClick={() => reader.setLinked(!arrangement.linked)} />
      )}
      {many && layout === "stack" && reader.spyglass.count > 0 && (
        <ToolButton icon="spyglass" name={t.spyglass.name} hint={t.spyglass.hint} shortcut="G" pressed={reader.spyglass.nth !== null} testId="spyglass-toggle" onClick={reader.spyglass.next} />
      )}
      {many && layout === "stack" && arrangement.linked && (
        <>
          <button
            type="button"
            aria-pressed={linking.adjusting}
            data-testid="adjust-offset"
            className={pressed}
            title={`${t.adjustHint} (Y)`}
            onClick={() => linking.adjust(!linking.adjusting)}
          >
            {linking.offsetMm > leastOffsetMm ? t.offsetBy(fixed(linking.offsetMm, 1)) : t.adjustOffset}
          </button>
          {linking.offsetMm > leastOffsetMm && !linking.adjusting && (
            <button
              type="button"
              data-testid="reset-offset"
              className="control px-2"
              aria-label={t.resetOffset}
              title={t.resetOffset}
              onClick={linking.resetOffset}
            >
              <span aria-hidden="true">×</span>
            </button>
          )}
        </>
      )}
      {layout === "stack" && (
        <select
          aria-label={t.grid}
          data-testid="grid-choice"
          title={`${t.grid} (g)`}
          className="control w-16 px-1"
          disabled={!arrangement}
          value={arrangement ? `${arrangement.rows} ${arrangement.columns}` : ""}
          onChange={(event) => {
            const [rows, columns] = event.target.value.split(" ").map(Number) as [Count, Count];
            reader.setGrid(rows, columns);
            event.target.blur();
          }}
        >
          {grids.map(([rows, columns]) => (
            <option key={`${rows} ${columns}`} value={`${rows} ${columns}`}>
              {rows} × {columns}
            </option>
          ))}
        </select>
      )}
      <ToolButton icon="planes" name={t.threePlanes} hint={refusal || t.planesHint} shortcut={refusal ? undefined : "m"} pressed={layout === "planes"} testId="mpr-toggle" disabled={!series || refusal !== ""} onClick={onPlanes} />
      <ToolButton icon="volume" name={t.planes.volume} hint={refusal || t.volumeHint} shortcut={refusal ? undefined : "u"} pressed={layout === "volume"} testId="volume-toggle" disabled={!series || refusal !== ""} onClick={onVolume} />
      <InStepControls inStep={reader.inStep} />
    </div>
  );
}

/** What the site calls its own protocols stays as it is. */
function shippedName(name: string, shipped: Partial<Record<string, string>>): string {
  return shipped[name] ?? name;
}
