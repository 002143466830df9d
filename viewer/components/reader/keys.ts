import type { KeyGroup } from "@/components/KeyHelp";

export const readerKeys: KeyGroup[] = [
  {
    title: "Slices",
    keys: [
      { keys: ["↑", "↓"], does: "One slice" },
      { keys: ["PgUp", "PgDn"], does: "Ten slices" },
      { keys: ["Home", "End"], does: "First and last slice" },
    ],
  },
  {
    title: "Left mouse button",
    keys: [
      { keys: ["w"], does: "Window and level" },
      { keys: ["z"], does: "Zoom" },
      { keys: ["p"], does: "Pan" },
      { keys: ["s"], does: "Scroll" },
      { keys: ["l"], does: "Measure a length" },
      { keys: ["c"], does: "Crosshairs, in three planes" },
    ],
  },
  {
    title: "Image",
    keys: [
      { keys: ["1", "…", "6"], does: "Window presets" },
      { keys: ["i"], does: "Invert" },
      { keys: ["r"], does: "Reset window, zoom and position" },
      { keys: ["m"], does: "Three planes, and back" },
      { keys: ["Del"], does: "Remove measurements" },
    ],
  },
  {
    title: "Results and page",
    keys: [
      { keys: ["o"], does: "Hide and show the masks" },
      { keys: ["Esc"], does: "Back to the study list" },
      { keys: ["?"], does: "These keys" },
    ],
  },
  {
    title: "Mouse",
    keys: [
      { keys: ["wheel"], does: "Slices" },
      { keys: ["right"], does: "Zoom" },
      { keys: ["middle"], does: "Pan" },
    ],
  },
];
