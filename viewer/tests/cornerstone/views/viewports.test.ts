import type { Enums, RenderingEngine } from "@cornerstonejs/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Viewports } from "@/cornerstone/views/viewports";

vi.mock("@cornerstonejs/core", () => ({ StackViewport: class {}, VolumeViewport: class {}, VolumeViewport3D: class {} }));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", { devicePixelRatio: 1 });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("an image is as tall as its place, which was another while the toolbar was being measured", () => {
  const element = { clientWidth: 384, clientHeight: 716, addEventListener: () => undefined };
  const canvas = { width: 0, height: 0 };
  const fit = () => Object.assign(canvas, { width: element.clientWidth, height: element.clientHeight });
  const resize = vi.fn(fit);
  const engine = { enableElement: fit, resize, getViewport: () => ({ canvas }) } as unknown as RenderingEngine;
  const onResized = vi.fn();
  const views = new Viewports(engine, {}, onResized);
  views.enable({ viewId: "cell-1", element: element as unknown as HTMLDivElement, type: "stack" as Enums.ViewportType });
  element.clientHeight = 681;
  vi.runAllTimers();
  expect(canvas).toEqual({ width: 384, height: 681 });
  expect(resize).toHaveBeenCalledTimes(1);
  expect(onResized).toHaveBeenCalledTimes(1);
});
