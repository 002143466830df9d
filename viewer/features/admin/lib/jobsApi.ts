/** All analyses, for administrators. */
import { dataOf, node } from "@/shared/api/api";
import type { Job, JobState, Page } from "@/shared/api/types";

export const allJobs = {
  list: (state: JobState | undefined, limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<Job>>(node.GET("/api/v1/jobs", { params: { query: { state, limit, offset } }, signal })),
  /** The picture that the job analysed, and all that was made of it. */
  removePicture: (job_id: string) =>
    node.DELETE("/api/v1/jobs/{job_id}", { params: { path: { job_id } } }),
  labelPictureUrl: (job_id: string) => `/api/v1/jobs/${job_id}/label-picture`,
};
