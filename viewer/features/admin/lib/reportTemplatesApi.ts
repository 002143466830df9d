/** Texts that are kept ready for reports. */
import { dataOf, node } from "@/shared/api/api";
import type { ReportTemplate } from "@/shared/api/types";

const at = (template_id: string) => ({ params: { path: { template_id } } });

/** As it is written; one that is kept already brings its version. */
export type WrittenTemplate = Omit<ReportTemplate, "template_id" | "version" | "changed_by" | "changed_at"> & Partial<Pick<ReportTemplate, "template_id" | "version">>;

export const templateKeeping = {
  save: ({ template_id, version, ...body }: WrittenTemplate) =>
    dataOf<ReportTemplate>(
      template_id && version
        ? node.PUT("/api/v1/report-templates/{template_id}", { ...at(template_id), body: { ...body, version } })
        : node.POST("/api/v1/report-templates", { body }),
    ),
  remove: (template_id: string) => node.DELETE("/api/v1/report-templates/{template_id}", at(template_id)),
  /** What the node makes of it; nothing is kept. */
  readMrrt: (html: string) =>
    dataOf<WrittenTemplate>(node.POST("/api/v1/report-templates/mrrt", { body: { html } })),
};

/** A kept one as it is sent back. */
export function asWritten(kept: ReportTemplate): WrittenTemplate {
  const { template_id, version, title, language, modalities, body_parts, sections, source } = kept;
  return { template_id, version, title, language, modalities, body_parts, sections, source };
}
