"use client";

import { useCallback, useEffect, useMemo, useState } from "react";
import { loadMask, loadPlaced, loadResampled, type LoadedMask, type LoadedSeries, type Scene } from "@/cornerstone";
import { retrieveFrames, retrieveInstance, retrieveSeriesMetadata } from "@/dicom/dicomweb";
import { Problem } from "@/shared/api/problem";
import { text } from "@/shared/i18n";
import { heldBack, instancesOfOthers, uncheckedInstances } from "@/features/reader/lib/studies/otherPatients";
import { listDrawnSegmentations } from "@/features/reader/lib/masks/drawnSegmentations";
import { maskFit, type MaskFit } from "@/features/reader/lib/masks/maskFit";
import { maskSources, masksToShow, withoutPadding, type MaskSource } from "@/dicom/segmentation/seg";
import { withdrawnResults } from "@/shared/lib/state";
import type { DrawnSegmentation, Finding, StudyDetail } from "@/shared/api/types";

export interface Masks {
  masks: LoadedMask[];
  /** A sentence for each segmentation that could not be drawn. */
  failures: string[];
  /** Segmentations that name another patient than the study, or may: drawn only once they are chosen. */
  ofOthers: { sopInstanceUid: string; description: string; isDrawn: boolean; isUnchecked: boolean }[];
  drawAnyway: (sopInstanceUid: string) => void;
  /** The newest versions of what readers drew in the study. */
  drawn: readonly DrawnSegmentation[];
  loading: boolean;
  /** True once all that was there to be read has been read. */
  settled: boolean;
}

const none: Omit<Masks, "drawAnyway"> = { masks: [], failures: [], ofOthers: [], drawn: [], loading: false, settled: false };

/** Finds the study's SEG instances for the open series and lays them over it as they come. */
export function useMasks(
  scene: Scene | null,
  shown: LoadedSeries | null,
  study: StudyDetail | null,
  findings: readonly Finding[],
): Masks {
  const [state, setState] = useState<{ series: LoadedSeries | null } & typeof none>({
    series: null,
    ...none,
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const others = instancesOfOthers(study);
  const unchecked = uncheckedInstances(study);
  const segSeries = (study?.series ?? [])
    .filter((series) => series.modality === "SEG")
    .map((series) => `${series.series_instance_uid} ${series.instance_count}`)
    .join("\n");
  const pointedAt = findings
    .map((finding) => finding.segmentation?.sop_instance_uid ?? "")
    .filter(Boolean)
    .join("\n");
  const withdrawn = withdrawnResults(study?.jobs ?? []).join("\n");

  useEffect(() => {
    if (!scene || !shown) return;
    if (segSeries === "") {
      // Nothing to wait for; announced here so that the frames may be loaded.
      // eslint-disable-next-line react-hooks/set-state-in-effect
      setState({ series: shown, ...none, settled: true });
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      setState((now) => (now.series === shown ? { ...now, loading: true } : { series: shown, ...none, loading: true }));
      const failures: string[] = [];
      // Without the list, older versions are drawn as well; nothing is lost.
      const drawn = await listDrawnSegmentations(shown.studyInstanceUid, signal).catch(() => []);
      if (signal.aborted) return;
      const replaced = new Set(drawn.flatMap(({ replaces }) => replaces));
      setState((now) => {
        for (const mask of now.masks) if (replaced.has(mask.sopInstanceUid)) scene.masks.remove(mask);
        return { ...now, drawn, masks: now.masks.filter(({ sopInstanceUid }) => !replaced.has(sopInstanceUid)) };
      });
      const sources: MaskSource[] = [];
      for (const line of segSeries.split("\n")) {
        const uid = line.split(" ")[0] ?? "";
        try {
          const datasets = await retrieveSeriesMetadata(shown.studyInstanceUid, uid, signal);
          sources.push(...maskSources(uid, datasets));
        } catch (error) {
          if (signal.aborted) return;
          failures.push(text().viewing.maskUnread(sentence(error)));
        }
      }
      const counting = sources.filter((source) => !withdrawn.split("\n").includes(source.sopInstanceUid));
      const wanted = heldBack(masksToShow(counting, shown.seriesInstanceUid, findings, drawn), `${others}\n${unchecked}`, chosen);
      const ofOthers = wanted.ofOthers.map((one) => ({
        sopInstanceUid: one.sopInstanceUid,
        description: one.description,
        isDrawn: !wanted.waiting.includes(one),
        isUnchecked: unchecked.split("\n").includes(one.sopInstanceUid),
      }));
      for (const source of wanted.drawn) {
        const fit = maskFit(source, shown);
        if (fit.kind === "refused") {
          failures.push(text().viewing.maskUndrawn(source.description, fit.why));
          continue;
        }
        try {
          const mask = await openMask(shown, source, fit, signal);
          if (signal.aborted) return;
          scene.masks.add(shown, mask);
          setState((now) => ({
            ...now,
            masks: [...now.masks.filter((other) => other.segmentationId !== mask.segmentationId), mask],
          }));
        } catch (error) {
          if (signal.aborted) return;
          failures.push(
            text().viewing.maskUndrawn(source.description, sentence(error)),
          );
        }
      }
      setState((now) => ({ ...now, failures, ofOthers, loading: false, settled: true }));
    };
    void run();
    return () => controller.abort();
    // The findings count only by the instances that they point at.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [scene, shown, segSeries, pointedAt, withdrawn, others, unchecked, chosen]);

  const drawAnyway = useCallback((uid: string) => setChosen((now) => new Set(now).add(uid)), []);
  return useMemo(
    () => ({ ...(state.series === shown ? state : none), drawAnyway }),
    [state, shown, drawAnyway],
  );
}

const opened = new WeakMap<LoadedSeries, Map<string, Promise<LoadedMask>>>();

/** Each mask is read once for a series, however often the study changes meanwhile. */
function openMask(
  series: LoadedSeries,
  source: MaskSource,
  fit: Exclude<MaskFit, { kind: "refused" }>,
  signal: AbortSignal,
): Promise<LoadedMask> {
  const known = opened.get(series) ?? new Map<string, Promise<LoadedMask>>();
  opened.set(series, known);
  const before = known.get(source.sopInstanceUid);
  if (before) return before;
  const mask = fit.kind === "fits" ? readMask(series, source, signal) : readDrawn(series, source, fit, signal);
  known.set(source.sopInstanceUid, mask);
  mask.catch(() => known.delete(source.sopInstanceUid));
  return mask;
}

async function readMask(series: LoadedSeries, source: MaskSource, signal: AbortSignal): Promise<LoadedMask> {
  const { seriesInstanceUid, sopInstanceUid } = source;
  const part10 = await retrieveInstance(series.studyInstanceUid, seriesInstanceUid, sopInstanceUid, signal);
  return loadMask(series, seriesInstanceUid, sopInstanceUid, withoutPadding(part10, source.pixelBytes));
}

function readDrawn(
  series: LoadedSeries,
  { seriesInstanceUid, sopInstanceUid, header }: MaskSource,
  fit: Exclude<MaskFit, { kind: "refused" | "fits" }>,
  signal: AbortSignal,
): Promise<LoadedMask> {
  const readFrames = (frameNumbers: readonly number[]) =>
    retrieveFrames(series.studyInstanceUid, seriesInstanceUid, sopInstanceUid, frameNumbers, signal);
  const source = { seriesInstanceUid, sopInstanceUid, header, notes: fit.notes, readFrames };
  return fit.kind === "placed"
    ? loadPlaced(series, { ...source, places: fit.places })
    : loadResampled(series, { ...source, grid: fit.grid });
}

/** What the node says of itself; the words of a library help nobody. */
function sentence(error: unknown): string {
  return error instanceof Problem ? [error.message, error.remedy].filter(Boolean).join(" ") : text().refusals.mask.unknownForm;
}
