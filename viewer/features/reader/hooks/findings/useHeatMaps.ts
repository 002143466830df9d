"use client";

import { useCallback, useMemo, useState } from "react";
import type { LoadedSeries } from "@/cornerstone";
import { heatPicture, type HeatMap, type HeatPicture } from "@/dicom/display/heatMap";
import type { Slice } from "@/dicom/geometry";
import type { Finding } from "@/shared/api/types";

/** A heat map that lies over an image, and of which finding it is. */
export interface DrawnHeat {
  finding: Finding;
  picture: HeatPicture;
}

export interface HeatMaps {
  isShown: (finding: Finding) => boolean;
  /** Off until a reader turns it on. */
  toggle: (finding: Finding) => void;
  /** All that are of an image: off where any of them is on. */
  toggleOn: (slice: Slice | null) => void;
  /** Of the colour where a part counts most, 0 to 1; 0 leaves the outline alone. */
  opacity: number;
  setOpacity: (opacity: number) => void;
  /** What lies over an image of a series. */
  on: (series: LoadedSeries, index: number) => readonly DrawnHeat[];
}

const nothing: readonly DrawnHeat[] = [];

/** Of each heat map what is drawn, worked out once. */
const pictures = new WeakMap<HeatMap, HeatPicture>();

export function pictureOf(heatMap: HeatMap): HeatPicture {
  const known = pictures.get(heatMap) ?? heatPicture(heatMap);
  pictures.set(heatMap, known);
  return known;
}

/** Of a cine the frame that it was made of alone. */
function isOf({ image, heat_map: heatMap }: Finding, { sopInstanceUid, frameNumber }: Slice): boolean {
  return image?.sop_instance_uid === sopInstanceUid && (heatMap?.frame_number ?? 1) === frameNumber;
}

/** The heat maps of the study's findings, and which of them lie over their images. */
export function useHeatMaps(findings: readonly Finding[]): HeatMaps {
  const [shown, setShown] = useState<ReadonlySet<string>>(new Set());
  const [opacity, setOpacity] = useState(0.45);
  const heated = useMemo(() => findings.filter(({ heat_map: heatMap }) => heatMap), [findings]);
  const isShown = useCallback(({ finding_id: id }: Finding) => shown.has(id), [shown]);
  const toggle = useCallback(
    ({ finding_id: id }: Finding) =>
      setShown((now) => {
        const next = new Set(now);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    [],
  );
  const toggleOn = useCallback(
    (slice: Slice | null) => {
      const here = slice ? heated.filter((finding) => isOf(finding, slice)).map(({ finding_id: id }) => id) : [];
      setShown((now) => {
        const others = new Set([...now].filter((id) => !here.includes(id)));
        return here.some((id) => now.has(id)) ? others : new Set([...others, ...here]);
      });
    },
    [heated],
  );
  const on = useCallback(
    (series: LoadedSeries, index: number) => {
      const slice = series.order.slices[index];
      if (!slice || shown.size === 0) return nothing;
      return heated.flatMap((finding) =>
        finding.heat_map && shown.has(finding.finding_id) && isOf(finding, slice)
          ? [{ finding, picture: pictureOf(finding.heat_map) }]
          : [],
      );
    },
    [heated, shown],
  );
  return useMemo(
    () => ({ isShown, toggle, toggleOn, opacity, setOpacity, on }),
    [isShown, toggle, toggleOn, opacity, on],
  );
}
