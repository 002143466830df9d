"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { followEvents, getStudy, listFindings, type StreamState } from "@/shared/api/api";
import { debounce } from "@/shared/lib/debounce";
import { takeEarly } from "@/features/reader/lib/preload";
import { Problem } from "@/shared/api/problem";
import { isActive, withJob } from "@/shared/lib/state";
import type { Finding, StudyDetail } from "@/shared/api/types";

export interface StudyNow {
  study: StudyDetail | null;
  findings: Finding[];
  problem: Problem | null;
  stream: StreamState;
  /** Reads the study again: after feedback was given or something ordered here. */
  reload: () => void;
}

/** A study with its findings, kept current by the node's events. */
export function useStudy(studyInstanceUid: string): StudyNow {
  const [study, setStudy] = useState<StudyDetail | null>(null);
  const [findings, setFindings] = useState<Finding[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [stream, setStream] = useState<StreamState>("connecting");
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    const controller = new AbortController();
    const load = async () => {
      try {
        const early = takeEarly(studyInstanceUid);
        const [nextStudy, nextFindings] = await Promise.all([
          early?.study ?? getStudy(studyInstanceUid, controller.signal),
          early?.findings ?? listFindings(studyInstanceUid, controller.signal),
        ]);
        if (controller.signal.aborted) return;
        setStudy(nextStudy);
        setFindings(nextFindings);
        setProblem(null);
      } catch (error) {
        if (controller.signal.aborted) return;
        setProblem(error instanceof Problem ? error : new Problem(0, String(error), "", "", "unknown"));
      }
    };
    const reload = debounce(() => void load(), 250, 1500);
    again.current = reload;
    void load();
    const stop = followEvents(
      ({ study_instance_uid: changed, job }) => {
        if (changed !== studyInstanceUid) return;
        if (job) setStudy((current) => current && { ...current, jobs: withJob(current.jobs, job) });
        // Progress alone changes nothing but the job, which the event carried.
        if (!job || !isActive(job)) reload();
      },
      (state) => {
        setStream(state);
        if (state === "live") reload();
      },
    );
    return () => {
      controller.abort();
      reload.cancel();
      stop();
    };
  }, [studyInstanceUid]);

  const reloadNow = useCallback(() => again.current(), []);
  return { study, findings, problem, stream, reload: reloadNow };
}
