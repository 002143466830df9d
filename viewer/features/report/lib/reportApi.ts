/** Reports as the node keeps them; each change names the version that it was made on. */
import { dataOf, node } from "@/shared/api/api";
import type { Report, ReportDiff, ReportPages, ReportState, ReportVersion, SentSection } from "@/shared/api/types";

const at = (report_id: string) => ({ params: { path: { report_id } } });

export const reports = {
  draft: (study_instance_uid: string, language: string, replace = false) =>
    dataOf<Report>(
      node.POST("/api/v1/reports/draft", { body: { study_instance_uid, language, replace } as never }),
    ),
  edit: ({ report_id, version }: Report, sections: SentSection[]) =>
    dataOf<Report>(
      node.PUT("/api/v1/reports/{report_id}", { ...at(report_id), body: { version, sections } }),
    ),
  move: (
    { report_id, version }: Report,
    state: ReportState,
    amendment?: { reason: string; sections: SentSection[] },
  ) =>
    dataOf<Report>(
      node.POST("/api/v1/reports/{report_id}/state", {
        ...at(report_id),
        body: { state, version, reason: amendment?.reason ?? "", sections: amendment?.sections },
      }),
    ),
  dismiss: ({ report_id, version }: Report) =>
    dataOf<Report>(
      node.DELETE("/api/v1/reports/{report_id}/proposal", {
        params: { path: { report_id }, query: { version } },
      }),
    ),
  versions: async (report_id: string, signal?: AbortSignal) => {
    const path = "/api/v1/reports/{report_id}/versions";
    const found = await dataOf<{ items: ReportVersion[] }>(node.GET(path, { ...at(report_id), signal }));
    return found.items;
  },
  diff: (report_id: string, from_version: number, to_version: number, signal?: AbortSignal) =>
    dataOf<ReportDiff>(
      node.GET("/api/v1/reports/{report_id}/diff", {
        params: { path: { report_id }, query: { from_version, to_version } },
        signal,
      }),
    ),
};

const leaving = ({ report_id, version }: Report, part: string) =>
  `/api/v1/reports/${report_id}/${part}?version=${version}`;

/** One version as it leaves the node. */
export const pdf = {
  url: (report: Report) => leaving(report, "pdf"),
  pageUrl: (report: Report, pageNumber: number) => leaving(report, `pages/${pageNumber}`),
  pages: ({ report_id, version }: Report, signal: AbortSignal) =>
    dataOf<ReportPages>(
      node.GET("/api/v1/reports/{report_id}/pages", {
        params: { path: { report_id }, query: { version } },
        signal,
      }),
    ),
};
