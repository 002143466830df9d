import { curvedProjections, type CurvedProjection } from "@/dicom/curves/reformat";
import type { CurvedState } from "@/features/reader/hooks/curved/useCurved";
import { useText } from "@/shared/hooks/useText";

const thickest = 40;
const [narrowest, widest] = [20, 240];

/** Points, slab, width and turn of a straightened curve. */
export function CurvedControls({ curved }: { curved: CurvedState }) {
  const { viewing } = useText();
  const { curved: t } = viewing;
  const { placing, slab, widthMm, degrees, cursorMm, markMm, curve } = curved;
  const button = "control px-2 py-0 text-xs aria-pressed:border-accent aria-pressed:text-accent";
  const label = "flex items-center gap-1 text-xs whitespace-nowrap text-ink";
  return (
    <div role="group" aria-label={t.controls} className="flex flex-wrap items-center gap-1.5">
      <h2 className="text-xs font-semibold text-ink">{t.title}</h2>
      <button type="button" className={button} data-testid="place-points" title={t.placeTitle} aria-pressed={placing} onClick={() => curved.setPlacing(!placing)}>
        {t.place}
      </button>
      <button type="button" className={button} data-testid="point-here" title={t.hereTitle} onClick={curved.addHere}>
        {t.here}
      </button>
      <select
        aria-label={viewing.projection}
        data-testid="curved-projection"
        className="control w-36 px-1 py-0 text-xs"
        value={slab.projection}
        onChange={(event) => curved.setSlab({ ...slab, projection: event.target.value as CurvedProjection })}
      >
        {curvedProjections.map((name) => (
          <option key={name} value={name}>{name === "slice" ? t.noSlab : viewing.projections[name]}</option>
        ))}
      </select>
      {slab.projection !== "slice" && (
        <label className={label} title={t.slabTitle}>
          <span className="sr-only">{viewing.thickness}</span>
          <input type="range" min={1} max={thickest} value={slab.thicknessMm} data-testid="curved-thickness" className="w-16 accent-accent" onChange={(event) => curved.setSlab({ ...slab, thicknessMm: Number(event.target.value) })} />
          {slab.thicknessMm} mm
        </label>
      )}
      <label className={label}>
        {t.width}
        <input type="range" min={narrowest} max={widest} step={10} value={widthMm} data-testid="curved-width" className="w-16 accent-accent" onChange={(event) => curved.setWidthMm(Number(event.target.value))} />
        {widthMm} mm
      </label>
      {curve && (
        <>
          <label className={label}>
            {t.turned}
            <input type="range" min={0} max={355} step={5} value={degrees} data-testid="curved-degrees" className="w-16 accent-accent" onChange={(event) => curved.turn(Number(event.target.value))} />
            {degrees}°
          </label>
          <button type="button" className={button} data-testid="curved-mark" title={t.markTitle} aria-pressed={markMm !== null} onClick={() => curved.setMark(markMm === null ? cursorMm : null)}>
            {t.mark}
          </button>
        </>
      )}
    </div>
  );
}
