/** Stored studies: completion, announced instances, conflicts. */
import { dataOf, listStudies, node } from "@/shared/api/api";
import { wholeList } from "@/shared/lib/listAddress";
import type { Expectation, Page, StudySummary } from "@/shared/api/types";

const ofSeries = (study_instance_uid: string, series_instance_uid: string) => ({
  params: { path: { series_instance_uid }, query: { study_instance_uid } },
});

export function findStudies(
  text: string,
  limit: number,
  offset: number,
  signal?: AbortSignal,
): Promise<Page<StudySummary>> {
  return listStudies({ ...wholeList, text, limit, offset }, signal);
}

/** Says that nothing more comes. */
export const completion = {
  ofStudy: (study_instance_uid: string) =>
    dataOf<unknown>(
      node.POST("/api/v1/studies/{study_instance_uid}/complete", { params: { path: { study_instance_uid } } }),
    ),
  ofSeries: (study_instance_uid: string, series_instance_uid: string) =>
    dataOf<unknown>(
      node.POST("/api/v1/studies/{study_instance_uid}/series/{series_instance_uid}/complete", {
        params: { path: { study_instance_uid, series_instance_uid } },
      }),
    ),
};

const announced = "/api/v1/series/{series_instance_uid}/expectations";

export const expectations = {
  list: (study_instance_uid: string, series_instance_uid: string, signal?: AbortSignal) =>
    dataOf<{ items: Expectation[] }>(
      node.GET(announced, { ...ofSeries(study_instance_uid, series_instance_uid), signal }),
    ),
  announce: (study_instance_uid: string, series_instance_uid: string, instance_count: number, is_final: boolean) =>
    dataOf<Expectation>(
      node.PUT(announced, {
        ...ofSeries(study_instance_uid, series_instance_uid),
        body: { instance_count, is_final, sop_instance_uids: [] },
      }),
    ),
  withdraw: (study_instance_uid: string, series_instance_uid: string) =>
    node.DELETE(announced, ofSeries(study_instance_uid, series_instance_uid)),
};

/** The file of a conflict that was kept aside, byte for byte. */
export const conflictFileUrl = (conflict_id: number) => `/api/v1/conflicts/${conflict_id}/file`;
