"use client";

import { useState } from "react";
import { fitting, type Wanted } from "@/features/report/lib/templates";
import { listReportTemplates } from "@/shared/api/api";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import type { ReportTemplate } from "@/shared/api/types";

/** The site's templates that fit the study; nothing where there is none. */
export function Templates({ wanted, onInsert }: { wanted: Wanted; onInsert: (template: ReportTemplate) => void }) {
  const { report: t } = useText();
  const fetched = useFetched((signal) => listReportTemplates(signal, wanted.language), wanted.language);
  const [chosen, setChosen] = useState("");
  const templates = fitting(fetched.value ?? [], wanted);
  const template = templates.find((one) => one.template_id === chosen) ?? templates[0];
  if (fetched.problem) return <ProblemNote problem={fetched.problem} onRetry={fetched.reload} />;
  if (!template) return null;
  return (
    <div className="flex items-end gap-2" data-testid="templates">
      <label className="min-w-0 flex-1 text-xs text-dim">
        {t.template}
        <select
          className="mt-0.5 block w-full rounded-md border border-line-strong bg-ground px-2 py-1.5 text-[0.8125rem] text-ink"
          value={template.template_id}
          onChange={(event) => setChosen(event.target.value)}
        >
          {templates.map((one) => (
            <option key={one.template_id} value={one.template_id}>
              {one.title}
            </option>
          ))}
        </select>
      </label>
      <button type="button" className="control" onClick={() => onInsert(template)}>
        {t.insertTemplate}
      </button>
    </div>
  );
}
