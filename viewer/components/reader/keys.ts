import type { KeyGroup } from "@/components/KeyHelp";
import { measuringTools } from "@/components/reader/tools/MouseToolChoice";

export const readerKeys: KeyGroup[] = [
  {
    title: "Slices",
    keys: [
      { keys: ["↑", "↓"], does: "One slice" },
      { keys: ["PgUp", "PgDn"], does: "Ten slices" },
      { keys: ["Home", "End"], does: "First and last slice" },
      { keys: ["space"], does: "Play, and stop" },
    ],
  },
  {
    title: "Viewports",
    keys: [
      { keys: ["g"], does: "Next layout, 1 × 1 to 3 × 3" },
      { keys: ["n", "N"], does: "Next and previous viewport" },
      { keys: [".", ","], does: "Next and previous series" },
      { keys: ["y"], does: "Scroll the viewports together" },
      { keys: ["m"], does: "Three planes, and back" },
      { keys: ["u"], does: "The series as a volume, and back" },
    ],
  },
  {
    title: "Left mouse button, or one finger",
    keys: [
      { keys: ["w"], does: "Window and level" },
      { keys: ["z"], does: "Zoom" },
      { keys: ["p"], does: "Pan" },
      { keys: ["s"], does: "Scroll" },
      { keys: ["x"], does: "Magnify" },
      { keys: ["c"], does: "Crosshairs, in three planes" },
    ],
  },
  {
    title: "Measure",
    keys: measuringTools.map(({ key, label }) => ({ keys: [key], does: label })),
  },
  {
    title: "Image",
    keys: [
      { keys: ["1", "…", "6"], does: "Window presets" },
      { keys: ["i"], does: "Invert" },
      { keys: ["h", "j"], does: "Flip left and right, top and bottom" },
      { keys: ["[", "]"], does: "Rotate left and right" },
      { keys: ["r"], does: "Reset window, zoom, turn and position" },
    ],
  },
  {
    title: "Results and page",
    keys: [
      { keys: ["k"], does: "Mark the image as a key image" },
      { keys: ["Del"], does: "Remove the measurement that is chosen" },
      { keys: ["o"], does: "Hide and show the masks" },
      { keys: ["O"], does: "Hide and show annotations and overlay planes" },
      { keys: ["Esc"], does: "Back to the study list" },
      { keys: ["?"], does: "These keys" },
    ],
  },
  {
    title: "Mouse and touch",
    keys: [
      { keys: ["wheel"], does: "Slices" },
      { keys: ["right"], does: "Zoom" },
      { keys: ["middle"], does: "Pan" },
      { keys: ["two fingers"], does: "Pinch to zoom, and pan" },
      { keys: ["three fingers"], does: "Slices" },
    ],
  },
];
