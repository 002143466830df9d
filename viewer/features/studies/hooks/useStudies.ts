"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { followEvents, listStudies, type StreamState } from "@/shared/api/api";
import { Problem } from "@/shared/api/problem";
import { debounce } from "@/shared/lib/debounce";
import { readListQuery } from "@/shared/lib/listAddress";
import { withJob } from "@/shared/lib/state";
import type { NodeEvent, Page, StudySummary } from "@/shared/api/types";

export const pageSize = 50;

export interface Studies {
  page: Page<StudySummary> | null;
  problem: Problem | null;
  stream: StreamState;
  reload: () => void;
}

/**
 * One page of studies, kept current by the node's events. `asked` is the query as the address
 * carries it: as long as it reads the same, it is the same question.
 */
export function useStudies(asked: string): Studies {
  const [page, setPage] = useState<Page<StudySummary> | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [stream, setStream] = useState<StreamState>("connecting");
  const request = useRef<AbortController | null>(null);

  const load = useCallback(async () => {
    request.current?.abort();
    const controller = new AbortController();
    request.current = controller;
    try {
      const next = await listStudies(
        { ...readListQuery(new URLSearchParams(asked)), limit: pageSize },
        controller.signal,
      );
      if (controller.signal.aborted) return;
      setPage(next);
      setProblem(null);
    } catch (error) {
      if (controller.signal.aborted) return;
      setProblem(error instanceof Problem ? error : new Problem(0, String(error), "", "", "unknown"));
    }
  }, [asked]);

  const latestLoad = useRef(load);
  useEffect(() => {
    latestLoad.current = load;
    // The page is what another system holds; asking for it is this effect's whole purpose.
    // eslint-disable-next-line react-hooks/set-state-in-effect
    void load();
  }, [load]);

  useEffect(() => {
    const reload = debounce(() => void latestLoad.current(), 250, 1500);
    const onEvent = (event: NodeEvent) => {
      const { job } = event;
      if (job) setPage((current) => current && patched(current, event.study_instance_uid, job));
      reload();
    };
    const stop = followEvents(onEvent, (state) => {
      setStream(state);
      // What happened while the stream was away is read again.
      if (state === "live") reload();
    });
    return () => {
      stop();
      reload.cancel();
    };
  }, []);

  useEffect(() => () => request.current?.abort(), []);
  return { page, problem, stream, reload: () => void load() };
}

function patched(
  page: Page<StudySummary>,
  studyInstanceUid: string,
  job: NonNullable<NodeEvent["job"]>,
): Page<StudySummary> {
  return {
    ...page,
    items: page.items.map((study) =>
      study.study_instance_uid === studyInstanceUid
        ? { ...study, jobs: withJob(study.jobs, job) }
        : study,
    ),
  };
}
