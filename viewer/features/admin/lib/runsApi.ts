/** Runs of a pipeline over stored studies. */
import { dataOf, node } from "@/shared/api/api";
import type { NewRun, Page, RetrospectiveRun, RunAnswer, RunStudy } from "@/shared/api/types";

const of = (run_id: string) => ({ params: { path: { run_id } } });

export const runs = {
  list: (limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<RetrospectiveRun>>(node.GET("/api/v1/runs", { params: { query: { limit, offset } }, signal })),
  start: (body: NewRun) => dataOf<RunAnswer>(node.POST("/api/v1/runs", { body })),
  studies: (run_id: string, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<RunStudy>>(
      node.GET("/api/v1/runs/{run_id}/studies", {
        params: { path: { run_id }, query: { limit, offset } },
        signal,
      }),
    ),
  pause: (run_id: string) => dataOf<RetrospectiveRun>(node.POST("/api/v1/runs/{run_id}/pause", of(run_id))),
  resume: (run_id: string) => dataOf<RetrospectiveRun>(node.POST("/api/v1/runs/{run_id}/resume", of(run_id))),
  cancel: (run_id: string) => dataOf<RetrospectiveRun>(node.POST("/api/v1/runs/{run_id}/cancel", of(run_id))),
};
