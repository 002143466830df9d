"use client";

import { useState } from "react";
import { TemplateEditor } from "@/features/admin/components/reportTemplates/TemplateEditor";
import { asWritten, templateKeeping, type WrittenTemplate } from "@/features/admin/lib/reportTemplatesApi";
import { listReportTemplates } from "@/shared/api/api";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { ReportTemplate } from "@/shared/api/types";

const blank: WrittenTemplate = {
  title: "",
  language: "en",
  modalities: [],
  body_parts: [],
  sections: [{ heading: "Findings", kind: "findings", text: "" }],
  source: "",
};

/** The site's texts for reports: written here, or taken from RadReport. */
export function ReportTemplates() {
  const { reportTemplates: t, admin } = useText();
  const fetched = useFetched(listReportTemplates);
  const [edited, setEdited] = useState<WrittenTemplate | null>(null);
  const action = useAction(fetched.reload);
  const read = async (file: File | undefined) => {
    if (!file) return;
    await action.run(async () => setEdited(await templateKeeping.readMrrt(await file.text())));
  };
  if (edited) {
    return (
      <TemplateEditor
        begun={edited}
        onEnd={() => {
          setEdited(null);
          fetched.reload();
        }}
      />
    );
  }
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.what}</p>
      <Answer fetched={fetched}>
        {(templates) => (
          <Grid
            label={admin.parts.reportTemplates}
            columns={[t.title, t.language, t.for, t.sections, t.changed, ""]}
            empty={templates.length === 0 ? t.none : ""}
          >
            {templates.map((one) => (
              <Row
                key={one.template_id}
                template={one}
                busy={action.busy}
                onEdit={() => setEdited(asWritten(one))}
                onRemove={() => void action.run(() => templateKeeping.remove(one.template_id))}
              />
            ))}
          </Grid>
        )}
      </Answer>
      {action.problem && <ProblemNote problem={action.problem} />}
      <div className="mt-4 flex flex-wrap items-end gap-4">
        <button type="button" className="control" onClick={() => setEdited(blank)}>
          {t.add}
        </button>
        <label className="text-xs text-dim" title={t.mrrtWhat}>
          {t.fromMrrt}
          <input
            type="file"
            accept=".html,.htm,text/html"
            className="mt-1 block text-ink"
            disabled={action.busy}
            onChange={({ target }) => {
              void read(target.files?.[0]);
              // The same file may be chosen again.
              target.value = "";
            }}
          />
        </label>
      </div>
    </>
  );
}

function Row({
  template,
  busy,
  onEdit,
  onRemove,
}: {
  template: ReportTemplate;
  busy: boolean;
  onEdit: () => void;
  onRemove: () => void;
}) {
  const { reportTemplates: t } = useText();
  return (
    <tr data-testid="report-template">
      <td className="font-medium">{template.title}</td>
      <td>{template.language}</td>
      <td>{[...template.modalities, ...template.body_parts].join(", ") || t.anyStudy}</td>
      <td className="text-xs">{template.sections.map(({ heading }) => heading).join(", ")}</td>
      <td className="whitespace-nowrap text-xs text-dim">
        {moment(template.changed_at)} {template.changed_by}
      </td>
      <td className="whitespace-nowrap text-right">
        <button type="button" className="control px-2 py-0.5" aria-label={`${t.edit}: ${template.title}`} onClick={onEdit}>
          {t.edit}
        </button>{" "}
        <SureButton word="×" label={t.remove(template.title)} busy={busy} onSure={onRemove} />
      </td>
    </tr>
  );
}
