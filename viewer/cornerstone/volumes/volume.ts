import { CONSTANTS, Enums, setVolumesForViewports, type RenderingEngine } from "@cornerstonejs/core";
import {
  Enums as ToolEnums,
  ToolGroupManager,
  TrackballRotateTool,
  PanTool,
  ZoomTool,
  type Types as ToolTypes,
} from "@cornerstonejs/tools";
import { openVolume } from "./volumes";
import { drawsInSoftware } from "@/cornerstone/renderer";
import type { LoadedSeries } from "@/cornerstone/series";
import { Latest } from "@/cornerstone/views/latest";
import type { Viewports } from "@/cornerstone/views/viewports";

/** Names of the ways to render a volume, those for this modality first. */
export function volumePresets(modality: string): string[] {
  const names = CONSTANTS.VIEWPORT_PRESETS.map(({ name }) => name);
  const own = names.filter((name) => name.startsWith(`${modality}-`));
  return [...own, ...names.filter((name) => !own.includes(name))];
}

const openingPresets: Record<string, string> = { CT: "CT-Bone", MR: "MR-Default", PT: "CT-MIP" };

/** Steps along a ray, in half voxels: finer ones are not seen. Without a GPU each step costs dear. */
const stepsHalfVoxels = { hardware: 2, software: 8 } as const;

/** One series as a volume that turns under the mouse. */
export class VolumeView {
  private readonly group: ToolTypes.IToolGroup | undefined;
  private series: LoadedSeries | null = null;
  private readonly latest = new Latest();

  constructor(
    private readonly engine: RenderingEngine,
    private readonly views: Viewports,
    private readonly engineId: string,
    private readonly onLoading: (loaded: number, total: number) => void,
  ) {
    const { Primary, Secondary, Auxiliary, Wheel } = ToolEnums.MouseBindings;
    this.group = ToolGroupManager.createToolGroup(`${engineId}-volume`);
    const bindings = [
      [TrackballRotateTool, [{ mouseButton: Primary }, { numTouchPoints: 1 }]],
      [ZoomTool, [{ mouseButton: Secondary }, { mouseButton: Wheel }, { numTouchPoints: 2 }]],
      [PanTool, [{ mouseButton: Auxiliary }]],
    ] as const;
    for (const [tool, bound] of bindings) {
      this.group?.addTool(tool.toolName);
      this.group?.setToolActive(tool.toolName, { bindings: [...bound] });
    }
  }

  get isOpen(): boolean {
    return this.series !== null;
  }

  async show(element: HTMLDivElement, series: LoadedSeries): Promise<void> {
    const isPast = this.latest.begin();
    this.series = series;
    this.views.enable({ viewId: "volume", element, type: Enums.ViewportType.VOLUME_3D });
    this.group?.addViewport("volume", this.engineId);
    const volumeId = await openVolume(series, this.onLoading);
    if (isPast()) return;
    await setVolumesForViewports(this.engine, [{ volumeId }], ["volume"]);
    if (isPast()) return;
    this.setPreset(this.openingPreset(series.modality));
    const view = this.views.volume;
    view?.setSampleDistanceMultiplier(stepsHalfVoxels[drawsInSoftware() ? "software" : "hardware"]);
    view?.resetCamera();
    view?.render();
  }

  setPreset(preset: string): void {
    const view = this.views.volume;
    if (!view || view.getActors().length === 0) return;
    view.setProperties({ preset });
    view.render();
  }

  openingPreset(modality: string): string {
    return openingPresets[modality] ?? "MR-Default";
  }

  reset(): void {
    this.views.volume?.resetCamera();
    this.views.volume?.render();
  }

  close(): void {
    if (!this.isOpen) return;
    this.latest.end();
    this.series = null;
    this.group?.removeViewports(this.engineId, "volume");
    this.views.disable("volume");
  }

  end(): void {
    this.close();
    ToolGroupManager.destroyToolGroup(`${this.engineId}-volume`);
  }
}
