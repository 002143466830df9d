import type { ShownPlane } from "@/cornerstone";
import { fixed } from "@/shared/lib/format";
import { text } from "@/shared/i18n";

/** A turn that is not worth a word. */
const straightDegrees = 0.1;

/** Where a plane through a volume lies, how far it is turned, and how thick what it shows is: a line each. */
export function placeLines({ place, slab }: Pick<ShownPlane, "place" | "slab">): string[] {
  const { viewing: t } = text();
  const where = t.placeOfPlane(place.letters, fixed(place.distanceMm, 1));
  const isTurned = place.tiltDegrees > straightDegrees;
  return [
    isTurned ? `${where}, ${t.tilted(fixed(place.tiltDegrees, 1))}` : where,
    ...(slab.projection === "slice" ? [] : [t.slabOf(t.projections[slab.projection], fixed(slab.thicknessMm, 0))]),
  ];
}
