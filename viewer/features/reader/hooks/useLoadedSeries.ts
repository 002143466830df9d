"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { partOf, registerSeries, type LoadedSeries } from "@/cornerstone";
import { retrieveSeriesMetadata } from "@/dicom/dicomweb";
import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import { takeHeaders } from "@/features/reader/lib/preload";
import type { SeriesSummary } from "@/shared/api/types";
import type { SeriesRef } from "@/features/reader/lib/layout/layout";

export interface SeriesSlot {
  series: LoadedSeries | null;
  problem: Problem | null;
}

export interface LoadedSeriesMap {
  of: (ref: SeriesRef | null) => SeriesSlot;
  /** Reads a series again: more images came, or it failed. */
  reload: (seriesInstanceUid: string) => void;
}

const empty: SeriesSlot = { series: null, problem: null };

/** The headers of the series that are shown, each read once. */
export function useLoadedSeries(
  refs: readonly SeriesRef[],
  summaryOf: (ref: SeriesRef) => SeriesSummary | undefined,
): LoadedSeriesMap {
  const [slots, setSlots] = useState<ReadonlyMap<string, SeriesSlot>>(new Map());
  const [reloads, setReloads] = useState<ReadonlyMap<string, number>>(new Map());
  const asked = useRef(new Map<string, number>());
  const ended = useRef(new AbortController());

  useEffect(() => {
    const controller = new AbortController();
    ended.current = controller;
    const known = asked.current;
    return () => {
      controller.abort();
      known.clear();
    };
  }, []);

  useEffect(() => {
    const { signal } = ended.current;
    for (const ref of refs) {
      const { studyInstanceUid, seriesInstanceUid: uid } = ref;
      const wanted = reloads.get(uid) ?? 0;
      if (asked.current.get(uid) === wanted) continue;
      asked.current.set(uid, wanted);
      const tell = (slot: SeriesSlot) => {
        if (!signal.aborted && asked.current.get(uid) === wanted) {
          setSlots((now) => new Map(now).set(uid, slot));
        }
      };
      const summary = summaryOf(ref);
      takeHeaders(ref, summary?.instance_count ?? 0)
        .then((ahead) => ahead ?? retrieveSeriesMetadata(studyInstanceUid, uid, signal))
        .then((datasets) => registerSeries(studyInstanceUid, uid, summary?.modality ?? "", datasets))
        .then(
          (series) => tell({ series, problem: null }),
          (error: unknown) => tell({ series: null, problem: asSeriesProblem(error) }),
        );
    }
  }, [refs, reloads, summaryOf]);

  const of = useCallback(
    (ref: SeriesRef | null) => {
      const slot = slots.get(ref?.seriesInstanceUid ?? "") ?? empty;
      return slot.series && ref?.images ? { ...slot, series: partOf(slot.series, ref.images) } : slot;
    },
    [slots],
  );
  const reload = useCallback(
    (uid: string) => setReloads((now) => new Map(now).set(uid, (now.get(uid) ?? 0) + 1)),
    [],
  );
  return { of, reload };
}

export function asSeriesProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(0, text().viewing.noSeries, detail, text().viewing.reloadPage, "series");
}
