/** Pictures of the tools: strokes on a square of 16, in the colour of the text. */
const paths = {
  window: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  region: "M2.5 4.5v-2h2M11.5 2.5h2v2M13.5 11.5v2h-2M4.5 13.5h-2v-2M8 5.5a2.5 2.5 0 1 0 0 5z",
  zoom: "M11.5 7a4.5 4.5 0 1 1-9 0a4.5 4.5 0 0 1 9 0M10.3 10.3l3.7 3.7M5 7h4M7 5v4",
  pan: "M8 1.5v13M1.5 8h13M6 3.5l2-2l2 2M6 12.5l2 2l2-2M3.5 6l-2 2l2 2M12.5 6l2 2l-2 2",
  scroll: "M3 3.5h10M3 8h10M3 12.5h10M5.5 1.5h5M5.5 14.5h5",
  magnify: "M12 6.5a4.5 4.5 0 1 1-9 0a4.5 4.5 0 0 1 9 0M10.8 9.8l3.4 3.7",
  crosshairs: "M8 1v5M8 10v5M1 8h5M10 8h5M8 7.5v1",
  invert: "M2.5 2.5h11v11h-11zM2.5 13.5l11-11v11z",
  left: "M3 8a5 5 0 1 0 2-4M3 2.5v3h3",
  right: "M13 8a5 5 0 1 1-2-4M13 2.5v3h-3",
  "flip-horizontal": "M8 1.5v13M6 4l-4 4l4 4zM10 4l4 4l-4 4z",
  "flip-vertical": "M1.5 8h13M4 6l4-4l4 4zM4 10l4 4l4-4z",
  reset: "M8 3a5 5 0 1 1-5 5M8 1l-2.5 2L8 5.2",
  trueSize: "M1.5 5.5h13v5h-13zM4 5.5v2M6.5 5.5v3M9 5.5v2M11.5 5.5v3",
  screen: "M1.5 2.5h13v8.5h-13zM8 11v2.5M5 13.5h6",
  secondWindow: "M1.5 3.5h8.5v7.5h-8.5zM6.5 5.5h8v7h-8z",
  play: "M4 2.5v11l9-5.5z",
  stop: "M3.5 3.5h9v9h-9z",
  playAll: "M2 3v10l5.5-5zM8.5 3v10L14 8z",
  clips: "M2 2.5h5v5H2zM9 2.5h5v5H9zM2 9.5h5v5H2zM9 9.5h5v5H9z",
  key: "M8 1.5l2 4.2l4.5.6l-3.3 3.1l.8 4.6L8 11.8l-4 2.2l.8-4.6L1.5 6.3l4.5-.6z",
  planes: "M2 2.5h7v11H2zM9 2.5h5V8H9zM9 8h5v5.5H9z",
  volume: "M8 1.5l5.5 3v7L8 14.5l-5.5-3v-7zM8 8v6.5M8 8l5.5-3.5M8 8L2.5 4.5",
  linked: "M6.5 9.5l3-3M7 4.5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5L7.5 13a2.8 2.8 0 0 1-4-4L5 7.5",
  spyglass: "M11.5 7a4.5 4.5 0 1 1-9 0a4.5 4.5 0 0 1 9 0M10.3 10.3l3.7 3.7M7 2.5v9M7 7h4.5",
  turnLeft: "M2.5 13.5L13.5 7.5M4 4.5a6 6 0 0 1 6-1.5M4 1.5v3h3",
  turnRight: "M13.5 13.5L2.5 7.5M12 4.5a6 6 0 0 0-6-1.5M12 1.5v3H9",
  curved: "M3 13.5C3 8 6 10 7.5 7.5S8 2.5 13 2.5M3 13.5h.01M7.5 7.5h.01M13 2.5h.01",
  straighten: "M8 1.5v13M1.5 8h13M4 4h.01M12 4h.01M4 12h.01M12 12h.01",
} as const;

export type IconName = keyof typeof paths;

/** Filled, so that they differ from what is only outlined. */
const filled: ReadonlySet<IconName> = new Set(["play", "stop", "playAll"]);

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" className="size-4" fill={filled.has(name) ? "currentColor" : "none"} stroke="currentColor" strokeWidth={1.4} strokeLinecap="round" strokeLinejoin="round">
      <path d={paths[name]} />
    </svg>
  );
}
