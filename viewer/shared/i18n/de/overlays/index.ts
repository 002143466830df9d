import { axisCurve } from "./axisCurve";
import { curved } from "./curved";
import { doses } from "./doses";
import { heatMaps } from "./heatMaps";
import { mip } from "./mip";
import { slides } from "./slides";

/** What lies over images and beside them: curves, doses, heat maps, projections, slides. */
export const overlays = { axisCurve, curved, doses, heatMaps, mip, slides };
