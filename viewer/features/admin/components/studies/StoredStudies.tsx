"use client";

import { type FormEvent, useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { StoredSeries } from "@/features/admin/components/studies/StoredSeries";
import { StudyLink } from "@/features/admin/components/rowCells";
import { Field, PagedGrid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { deleteFromNode } from "@/dicom/dicomweb";
import { bytes, dateText, number, personName } from "@/shared/lib/format";
import { studyBadge } from "@/shared/lib/state";
import type { StudySummary } from "@/shared/api/types";
import { completion, findStudies } from "@/features/admin/lib/storedStudiesApi";

/** What the node holds: whether it is complete, what was announced of it, and taking it away. */
export function StoredStudies() {
  const { admin: t, storedStudies, common } = useText();
  const [text, setText] = useState("");
  const [looked, setLooked] = useState("");
  const [open, setOpen] = useState("");
  const pages = usePages((limit, offset, signal) => findStudies(looked, limit, offset, signal), looked, 20);
  const look = (event: FormEvent) => {
    event.preventDefault();
    setLooked(text.trim());
  };
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{storedStudies.studiesWhat}</p>
      <form role="search" className="mb-4 flex max-w-3xl items-end gap-2" onSubmit={look}>
        <div className="flex-1">
          <Field label={storedStudies.findStudy} type="search" value={text} onChange={(e) => setText(e.target.value)} />
        </div>
        <button type="submit" className="control mb-0.5">
          {common.search}
        </button>
      </form>
      <PagedGrid
        pages={pages}
        label={t.parts.studies}
        columns={[t.patient, t.study, storedStudies.stored, t.stateWord, common.actions]}
        empty={t.nothing}
        row={(one) => (
          <StudyRows
            key={one.study_instance_uid}
            study={one}
            open={open === one.study_instance_uid}
            onTurn={() => setOpen(open === one.study_instance_uid ? "" : one.study_instance_uid)}
            onChanged={pages.fetched.reload}
          />
        )}
      />
    </>
  );
}

function StudyRows({
  study,
  open,
  onTurn,
  onChanged,
}: {
  study: StudySummary;
  open: boolean;
  onTurn: () => void;
  onChanged: () => void;
}) {
  const { storedStudies, common } = useText();
  const action = useAction(onChanged);
  const { study_instance_uid: uid } = study;
  const name = `${study.study_description || uid}, ${dateText(study.study_date)}`;
  const badge = studyBadge(study.state);
  return (
    <>
      <tr data-testid="stored-study" data-study-instance-uid={uid}>
        <td>
          <div className="font-medium">{personName(study.patient_name)}</div>
          <div className="text-xs text-dim">{study.patient_id}</div>
        </td>
        <td>
          {study.study_description} <span className="whitespace-nowrap text-dim">{dateText(study.study_date)}</span>
          <div className="text-xs">
            <StudyLink studyInstanceUid={uid} />
          </div>
        </td>
        <td className="text-xs">
          {study.series_count === 1 ? common.oneSeries : common.series(number(study.series_count))}
          <div className="text-dim">
            {common.instances(number(study.instance_count), study.instance_count === 1)}, {bytes(study.size_bytes)}
          </div>
        </td>
        <td>
          <Badge word={badge.word} tone={badge.tone} />
        </td>
        <td>
          <div className="flex flex-wrap gap-1.5">
            <button
              type="button"
              className="control px-2 py-0.5"
              aria-expanded={open}
              aria-label={`${storedStudies.series}: ${name}`}
              onClick={onTurn}
            >
              {storedStudies.series}
            </button>
            {study.state === "receiving" && (
              <button
                type="button"
                className="control px-2 py-0.5"
                aria-label={`${storedStudies.completeNow}: ${name}`}
                disabled={action.busy}
                onClick={() => void action.run(() => completion.ofStudy(uid))}
              >
                {storedStudies.completeNow}
              </button>
            )}
            <SureButton
              word={storedStudies.deleteStudy}
              label={`${storedStudies.deleteStudy}: ${name}`}
              busy={action.busy}
              onSure={() => void action.run(() => deleteFromNode(uid))}
            />
          </div>
          {action.problem && <ProblemNote problem={action.problem} />}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={5}>
            <StoredSeries studyInstanceUid={uid} onChanged={onChanged} />
          </td>
        </tr>
      )}
    </>
  );
}
