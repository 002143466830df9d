import { stackProjections, type StackProjection, type StackSlabState } from "@/features/reader/hooks/tools/useStackSlab";
import { useText } from "@/shared/hooks/useText";

/** Slices of a tomosynthesis one by one, or so many of them as one. */
export function StackSlabControls({ slab }: { slab: StackSlabState }) {
  const { viewing: t } = useText();
  if (!slab.isPossible) return null;
  return (
    <div role="group" aria-label={t.slab} className="flex items-center gap-1.5">
      <select
        aria-label={t.projection}
        title={t.stackSlab.hint}
        data-testid="stack-projection"
        className="control w-20"
        value={slab.projection}
        onChange={(event) => {
          slab.setProjection(event.target.value as StackProjection);
          event.target.blur();
        }}
      >
        {stackProjections.map((name) => (
          <option key={name} value={name}>
            {t.projections[name]}
          </option>
        ))}
      </select>
      {slab.projection !== "slice" && (
        <span className="flex items-center gap-1 text-xs whitespace-nowrap">
          <button type="button" className="control px-1.5" aria-label={t.stackSlab.thinner} title={t.stackSlab.thinner} onClick={() => slab.thicken(-1)}>
            −
          </button>
          <span data-testid="stack-slices" title={t.stackSlab.slices(slab.slices)}>{slab.slices}</span>
          <button type="button" className="control px-1.5" aria-label={t.stackSlab.thicker} title={t.stackSlab.thicker} onClick={() => slab.thicken(1)}>
            +
          </button>
        </span>
      )}
    </div>
  );
}
