"use client";

import { useEffect, useMemo, useState } from "react";
import { activityRange, type FusionLook, type LoadedSeries, type Scene } from "@/cornerstone";
import { realWorldOf, type RealWorldMap } from "@/dicom/display/realWorld";
import { suvFactorOf } from "@/dicom/pet/suv";
import { suvGapIn, type SuvCaveat } from "@/dicom/pet/suvCaveats";
import { haveOneMeaning, unitOfValues } from "@/dicom/display/values";
import type { WindowRange } from "@/dicom/windowing";
import { offeredPresets } from "@/dicom/display/voi";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";
import { isImageSeries } from "@/dicom/segmentation/seg";
import type { SeriesSummary, StudyDetail } from "@/shared/api/types";

/** What is laid over images of anatomy: activity, and the maps that a model of this node made. */
const fusedModalities = new Set(["PT", "NM"]);
const isMap = (one: SeriesSummary) => one.origin === "generated" && one.modality === "OT";

/** Series that can be laid over another one: of another kind, and in the same frame of reference. */
export function fusible(study: StudyDetail, base: SeriesSummary): SeriesSummary[] {
  return study.series.filter(
    (one) =>
      isImageSeries(one) &&
      (fusedModalities.has(one.modality) || isMap(one)) &&
      one.modality !== base.modality &&
      base.frame_of_reference_uid !== "" &&
      one.frame_of_reference_uid === base.frame_of_reference_uid,
  );
}

export interface Fusion {
  candidates: readonly SeriesSummary[];
  chosen: SeriesRef | null;
  choose: (ref: SeriesRef | null) => void;
  /** Why the chosen series is not drawn: its slices form no volume; empty where it is. */
  refusal: string;
  /** Null until the fused series is read. */
  look: FusionLook | null;
  setLook: (look: FusionLook) => void;
  /** What a value is multiplied by to give an SUV; null where it has none. */
  suvFactor: number | null;
  /** Why it has none; null of what has one, and of what is no PET. */
  suvGap: SuvCaveat | null;
  /** UCUM unit of its values; "1" of those that have none. */
  unit: string;
  /** What the values stand for where they have no SUV; null of those that stand for nothing else. */
  realWorld: RealWorldMap | null;
}

/** What its header offers; null where the values themselves have to be looked at: counts and Bq/ml have no usual window. */
function statedRange(series: LoadedSeries): WindowRange | null {
  const middle = series.order.slices[Math.floor(series.order.slices.length / 2)];
  return (middle && offeredPresets(middle.dataset)[0]?.range) ?? null;
}

/** A series of activity over the three planes of another one. */
export function useFusion(
  scene: Scene | null,
  /** The series whose planes are on the screen; null in any other layout. */
  base: LoadedSeries | null,
  study: StudyDetail | null,
  chosen: SeriesRef | null,
  choose: (ref: SeriesRef | null) => void,
  chosenSeries: LoadedSeries | null,
): Fusion {
  const [changed, setChanged] = useState<{ series: LoadedSeries; look: FusionLook } | null>(null);
  const candidates = useMemo(() => {
    const summary = study?.series.find((one) => one.series_instance_uid === base?.seriesInstanceUid);
    return study && summary ? fusible(study, summary) : [];
  }, [study, base]);
  // What was laid over another series stays chosen, and is drawn only where it belongs.
  const belonging = candidates.some((one) => one.series_instance_uid === chosenSeries?.seriesInstanceUid) ? chosenSeries : null;
  // With a hole in it, or shifted against each other, its slices would be drawn centimetres from where they lie.
  const refusal = belonging?.order.volumeRefusal ?? "";
  const fused = refusal ? null : belonging;
  const [measured, setMeasured] = useState<{ series: LoadedSeries; range: WindowRange } | null>(null);
  const stated = useMemo(() => fused && statedRange(fused), [fused]);
  const range = stated ?? (measured?.series === fused ? (measured?.range ?? null) : null);
  useEffect(() => {
    if (!fused || range) return;
    let gone = false;
    const take = (found: WindowRange) => !gone && setMeasured({ series: fused, range: found });
    // Of images that cannot be loaded the planes tell.
    activityRange(fused).then(take, () => take({ lower: 0, upper: 1 }));
    return () => {
      gone = true;
    };
  }, [fused, range]);
  const look = useMemo((): FusionLook | null => {
    if (!fused || !range) return null;
    return changed?.series === fused ? changed.look : { colors: "hotIron", opacity: 0.6, range };
  }, [fused, range, changed]);

  useEffect(() => {
    if (!scene || !base) return;
    if (fused && look) void scene.planes.fusion.show(fused, look);
    else scene.planes.fusion.hide();
  }, [scene, base, fused, look]);

  const first = useMemo(() => {
    const headers = fused?.order.slices.map(({ dataset }) => dataset) ?? [];
    return haveOneMeaning(headers) ? headers[0] : undefined;
  }, [fused]);
  return {
    candidates,
    chosen,
    choose,
    refusal,
    look,
    setLook: (next) => fused && setChanged({ series: fused, look: next }),
    unit: first ? unitOfValues(first) : "1",
    realWorld: first ? realWorldOf(first) : null,
    suvFactor: first ? suvFactorOf(first) : null,
    suvGap: (fused?.order.slices[0] && suvGapIn(fused.order.slices[0].dataset)) ?? null,
  };
}
