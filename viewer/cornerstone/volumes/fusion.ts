import { addVolumesToViewports, utilities, type RenderingEngine, type Types } from "@cornerstonejs/core";
import type { WindowRange } from "@/dicom/windowing";
import type { LoadedSeries } from "@/cornerstone/series";
import { planes } from "@/cornerstone/views/view";
import type { Viewports } from "@/cornerstone/views/viewports";
import { Latest } from "@/cornerstone/views/latest";
import { openVolume, volumeIdOf } from "./volumes";

/** Colours by value: ours, and two of vtk's. */
export const fusionColors = ["hotIron", "inferno", "jet"] as const;
export type FusionColors = (typeof fusionColors)[number];

const colormapNames: Record<FusionColors, string> = {
  hotIron: "MediView hot iron",
  inferno: "Inferno (matplotlib)",
  jet: "jet",
};

/** The corners of the Hot Iron palette (PS3.6 B.1.1): value, red, green, blue. */
const hotIronPoints = [
  [0, 0, 0, 0],
  [0.5, 1, 0, 0],
  [0.75, 1, 0.5, 0],
  [1, 1, 1, 1],
];

export interface FusionLook {
  colors: FusionColors;
  /** 0 to 1, of what is well above the lower end of the range. */
  opacity: number;
  range: WindowRange;
}

/** Values below this share of the range fade out, so that what has no uptake stays as it is below. */
const fadeShare = 0.15;

/** A second series over the planes of the first, in colours: PET over CT. */
export class Fusion {
  private series: LoadedSeries | null = null;
  private look: FusionLook | null = null;
  private isSlice = true;
  private readonly latest = new Latest();

  constructor(
    private readonly engine: RenderingEngine,
    private readonly views: Viewports,
    private readonly onLoading: (loaded: number, total: number) => void,
    /** Comes before the planes' pictures get another actor, which centres them. */
    private readonly beforeAdding: () => void,
  ) {}

  async show(series: LoadedSeries, look: FusionLook): Promise<void> {
    if (this.series === series) {
      this.setLook(look);
      return;
    }
    this.hide();
    const isPast = this.latest.begin();
    this.series = series;
    this.look = look;
    const volumeId = await openVolume(series, this.onLoading);
    if (isPast()) return;
    this.beforeAdding();
    await addVolumesToViewports(this.engine, [{ volumeId, visibility: true }], [...planes]);
    if (!isPast()) this.apply();
  }

  setLook(look: FusionLook): void {
    this.look = look;
    this.apply();
  }

  hide(): void {
    const { series } = this;
    if (!series) return;
    this.latest.end();
    this.series = null;
    for (const plane of planes) {
      const view = this.views.plane(plane);
      const drawn = view?.getActors().filter((actor) => actor.referencedId === volumeIdOf(series)) ?? [];
      view?.removeVolumeActors(drawn.map(({ uid }) => uid), true);
    }
  }

  /** The planes were made thicker or thinner, or show something else of what lies within. */
  onSlab(isSlice: boolean): void {
    this.isSlice = isSlice;
    this.apply();
  }

  /**
   * Makes one step through what is drawn reach the opacity that is asked for. vtk reaches it over a
   * millimetre, and a slice is a slab much thinner than that, clipped on both sides of the plane.
   */
  private setStep(view: Types.IVolumeViewport, actor: DrawnVolume): void {
    const spacing = actor.getMapper().getInputData().getSpacing();
    const stepMm = this.isSlice ? 2 * view.getSlabThickness() : spacing.reduce((sum, mm) => sum + mm) / 6;
    actor.getMapper().setSampleDistance(stepMm);
    actor.getProperty().setScalarOpacityUnitDistance(0, stepMm);
  }

  private apply(): void {
    const { series, look } = this;
    if (!series || !look) return;
    register();
    const { lower, upper } = look.range;
    const faded = lower + fadeShare * (upper - lower);
    const opacity = [
      { value: lower, opacity: 0 },
      { value: faded, opacity: look.opacity },
      { value: upper, opacity: look.opacity },
    ];
    for (const plane of planes) {
      const view = this.views.plane(plane);
      if (!view) continue;
      const drawn = view.getActors().find((actor) => actor.referencedId === volumeIdOf(series));
      if (!drawn) continue;
      this.setStep(view, drawn.actor as DrawnVolume);
      view.setProperties({ voiRange: look.range }, volumeIdOf(series), true);
      view.setProperties({ colormap: { name: colormapNames[look.colors], opacity } }, volumeIdOf(series), true);
      view.render();
    }
  }
}

/** What is used of vtk's volume. */
interface DrawnVolume {
  getProperty(): { setScalarOpacityUnitDistance(component: number, distance: number): void };
  getMapper(): { setSampleDistance(distance: number): void; getInputData(): { getSpacing(): number[] } };
}

let registered = false;

function register(): void {
  if (registered) return;
  registered = true;
  utilities.colormap.registerColormap({
    name: colormapNames.hotIron,
    Name: colormapNames.hotIron,
    ColorSpace: "RGB",
    RGBPoints: hotIronPoints.flat(),
  });
}
