"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { useHoveredSegment } from "@/features/reader/hooks/masks/useHoveredSegment";
import type { Rgb } from "@/dicom/color";
import type { LoadedMask, MaskStyle, Scene, SegmentStyle } from "@/cornerstone";

export interface MaskControls {
  style: MaskStyle;
  setStyle: (style: MaskStyle) => void;
  isVisible: (mask: LoadedMask, segmentNumber: number) => boolean;
  setVisible: (mask: LoadedMask, segmentNumber: number, visible: boolean) => void;
  /** The colour that the reader chose; null: as the finding or the mask has it. */
  colorOf: (mask: LoadedMask, segmentNumber: number) => Rgb | null;
  setColor: (mask: LoadedMask, segmentNumber: number, rgb: Rgb) => void;
  /** How one segment is filled: as it was set, else as all are. */
  segmentStyleOf: (mask: LoadedMask, segmentNumber: number) => SegmentStyle;
  setSegmentStyle: (mask: LoadedMask, segmentNumber: number, style: SegmentStyle) => void;
  /** Draws one mask otherwise than all; what was set for its segments stays. */
  setMaskStyle: (mask: LoadedMask, style: MaskStyle) => void;
  /** Hides every segment, or shows them all again. */
  toggleAll: () => void;
}

const openingStyle: MaskStyle = { opacity: 0.35, fill: true, outline: true };

function keyOf(mask: LoadedMask, segmentNumber: number): string {
  return `${mask.segmentationId}#${segmentNumber}`;
}

/** How the masks are drawn, and which of their segments are hidden. */
export function useMaskControls(scene: Scene | null, masks: readonly LoadedMask[]): MaskControls {
  const [style, setStyle] = useState(openingStyle);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [colors, setColors] = useState<ReadonlyMap<string, Rgb>>(new Map());
  const [own, setOwn] = useState<ReadonlyMap<string, SegmentStyle>>(new Map());

  useEffect(() => {
    scene?.masks.setStyle(style);
  }, [scene, style, masks]);

  const setVisible = useCallback(
    (mask: LoadedMask, segmentNumber: number, visible: boolean) => {
      scene?.masks.setVisible(mask, segmentNumber, visible);
      setHidden((now) => {
        const next = new Set(now);
        if (visible) next.delete(keyOf(mask, segmentNumber));
        else next.add(keyOf(mask, segmentNumber));
        return next;
      });
    },
    [scene],
  );

  // The mask of a whole organ tints the structures within: it is hidden once these are there.
  const hiddenOnce = useRef(new Set<string>());
  useEffect(() => {
    if (!masks.some((mask) => mask.segments.length > 1)) return;
    for (const mask of masks) {
      const [whole] = mask.segments;
      if (mask.segments.length !== 1 || !whole || hiddenOnce.current.has(mask.segmentationId)) continue;
      hiddenOnce.current.add(mask.segmentationId);
      setVisible(mask, whole.segmentNumber, false);
    }
  }, [masks, setVisible]);

  const toggleAll = useCallback(() => {
    const anyShown = masks.some((mask) =>
      mask.segments.some(({ segmentNumber }) => !hidden.has(keyOf(mask, segmentNumber))),
    );
    for (const mask of masks) {
      for (const { segmentNumber } of mask.segments) setVisible(mask, segmentNumber, !anyShown);
    }
  }, [masks, hidden, setVisible]);

  const segmentStyleOf = (mask: LoadedMask, segmentNumber: number) => own.get(keyOf(mask, segmentNumber)) ?? style;
  useHoveredSegment(scene, masks, segmentStyleOf);

  return {
    style,
    setStyle,
    isVisible: (mask, segmentNumber) => !hidden.has(keyOf(mask, segmentNumber)),
    setVisible,
    colorOf: (mask, segmentNumber) => colors.get(keyOf(mask, segmentNumber)) ?? null,
    setColor: (mask, segmentNumber, rgb) => {
      scene?.masks.chooseColor(mask, segmentNumber, rgb);
      setColors((now) => new Map(now).set(keyOf(mask, segmentNumber), rgb));
    },
    segmentStyleOf,
    setSegmentStyle: (mask, segmentNumber, { opacity, fill }) => {
      scene?.masks.setSegmentStyle(mask, segmentNumber, { opacity, fill });
      setOwn((now) => new Map(now).set(keyOf(mask, segmentNumber), { opacity, fill }));
    },
    setMaskStyle: (mask, next) => scene?.masks.setStyle(next, mask),
    toggleAll,
  };
}
