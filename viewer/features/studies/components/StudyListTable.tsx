"use client";

import { useState } from "react";
import { Priors } from "@/features/studies/components/Priors";
import { StudyListCell } from "@/features/studies/components/StudyListCell";
import { StudyPreview } from "@/features/studies/components/StudyPreview";
import { usePreview, type PreviewState } from "@/features/studies/hooks/usePreview";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { direction, sortedBy, type ListQuery } from "@/shared/lib/listAddress";
import type { StudySummary } from "@/shared/api/types";
import { columnsOf, imageModalities, sortOf, type Column } from "@/features/studies/lib/studyListColumns";

export function StudyListTable({
  studies,
  query,
  onQuery,
}: {
  studies: readonly StudySummary[];
  query: ListQuery;
  onQuery: (query: ListQuery) => void;
}) {
  const { chosen } = usePreferences();
  const columns = columnsOf(chosen.columns ?? []);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const preview = usePreview();
  const turn = (uid: string, on: boolean) =>
    setOpen((now) => {
      const next = new Set(now);
      if (on) next.add(uid);
      else next.delete(uid);
      return next;
    });
  return (
    <div className="overflow-x-auto rounded-lg border border-line bg-panel">
      <table className="w-full min-w-[60rem] border-collapse text-left">
        <thead>
          <tr className="border-b border-line text-xs text-dim">
            {columns.map((column) => (
              <Heading key={column} column={column} query={query} onQuery={onQuery} />
            ))}
          </tr>
        </thead>
        {studies.map((study) => (
          <StudyRows
            key={study.study_instance_uid}
            study={study}
            columns={columns}
            open={open.has(study.study_instance_uid)}
            onTurn={(on) => turn(study.study_instance_uid, on)}
            preview={preview}
          />
        ))}
      </table>
      {preview.shown && <StudyPreview shown={preview.shown} />}
    </div>
  );
}

function Heading({
  column,
  query,
  onQuery,
}: {
  column: Column;
  query: ListQuery;
  onQuery: (query: ListQuery) => void;
}) {
  const t = useText().studyList;
  const key = sortOf[column];
  if (!key) {
    return (
      <th scope="col" className="px-1.5 py-1.5 font-medium 2xl:px-2.5 whitespace-nowrap">
        {t.columns[column]}
      </th>
    );
  }
  const sorted = query.sort === key;
  const way = direction(query);
  return (
    <th
      scope="col"
      className="px-1.5 py-1.5 font-medium 2xl:px-2.5 whitespace-nowrap"
      aria-sort={sorted ? (way === "asc" ? "ascending" : "descending") : "none"}
    >
      <button
        type="button"
        className={`rounded whitespace-nowrap hover:text-ink ${sorted ? "text-ink" : ""}`}
        title={t.sortBy(t.columns[column])}
        onClick={() => onQuery(sortedBy(query, key))}
      >
        {t.columns[column]}
        <span aria-hidden="true" className="ml-1 inline-block w-2">
          {sorted ? (way === "asc" ? "↑" : "↓") : ""}
        </span>
      </button>
    </th>
  );
}

/** A study, and below it the patient's others once they are asked for (→, and ← to close). */
function StudyRows({
  study,
  columns,
  open,
  onTurn,
  preview,
}: {
  study: StudySummary;
  columns: readonly Column[];
  open: boolean;
  onTurn: (open: boolean) => void;
  preview: PreviewState;
}) {
  const { study_instance_uid: uid } = study;
  const hasImages = imageModalities(study.modalities).length > 0;
  return (
    <tbody className="border-b border-line last:border-b-0">
      <tr
        id={study.study_instance_uid}
        data-testid="study-row"
        data-study-instance-uid={study.study_instance_uid}
        data-state={study.state}
        className="relative h-8 align-middle focus-within:bg-raised hover:bg-raised/60"
        // A finger has no way to rest over a row without pressing it.
        onPointerEnter={({ pointerType, currentTarget, clientX }) => {
          if (hasImages && pointerType === "mouse") preview.rest(uid, currentTarget, clientX + 24);
        }}
        onPointerLeave={preview.leave}
        onFocus={({ currentTarget, target }) => {
          if (hasImages && target.matches(":focus-visible")) preview.rest(uid, currentTarget, target.getBoundingClientRect().right + 24);
        }}
        onBlur={preview.leave}
        onKeyDown={(event) => {
          if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
          if (event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          onTurn(event.key === "ArrowRight" && study.patient_id !== "");
        }}
      >
        {columns.map((column) => (
          <StudyListCell key={column} column={column} study={study} open={open} onTurn={onTurn} />
        ))}
      </tr>
      {open && (
        <tr className="bg-ground/60">
          <td colSpan={columns.length} className="px-3 py-2 pl-10">
            <Priors study={study} />
          </td>
        </tr>
      )}
    </tbody>
  );
}
