"use client";

import { useState } from "react";
import { FindPatient } from "@/features/admin/components/patients/FindPatient";
import { LinkPatients } from "@/features/admin/components/patients/LinkPatients";
import { StudyLink } from "@/features/admin/components/rowCells";
import { changeText, patientChanges } from "@/features/admin/lib/patientChangesApi";
import { Field, PagedGrid, Select, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { PatientChange } from "@/shared/api/types";

const kinds: PatientChange["kind"][] = ["demographics", "merge", "link", "move"];

/** Whose studies are, where that was corrected; linking and unlinking two IDs of one patient. */
export function Patients() {
  const { admin, patientChanges: t } = useText();
  const [kind, setKind] = useState<PatientChange["kind"] | "">("");
  const pages = usePages(
    (limit, offset, signal) => patientChanges.list(kind || undefined, limit, offset, signal),
    kind,
  );
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.what}</p>
      <LinkPatients onLinked={pages.fetched.reload} />
      <FindPatient />
      <div className="mb-3 w-48">
        <Select
          label={admin.which}
          of={["", ...kinds]}
          value={kind}
          words={(one) => (one ? t.kinds[one] : admin.all)}
          onChoose={setKind}
        />
      </div>
      <PagedGrid
        pages={pages}
        label={admin.parts.patients}
        columns={[t.change, t.by, t.reason, ""]}
        empty={t.none}
        row={(one) => <ChangeRow key={one.change_id} change={one} onUndone={pages.fetched.reload} />}
      />
    </>
  );
}

function ChangeRow({ change, onUndone }: { change: PatientChange; onUndone: () => void }) {
  const { patientChanges: t } = useText();
  return (
    <tr data-testid="patient-change" data-kind={change.kind}>
      <td>
        {changeText(change, t)}
        {change.study_instance_uid && (
          <div className="text-xs">
            <StudyLink studyInstanceUid={change.study_instance_uid} />
          </div>
        )}
      </td>
      <td>
        {change.stated_by}
        <div className="text-xs text-dim">{moment(change.stated_at)}</div>
      </td>
      <td className="max-w-72 break-words">{change.reason}</td>
      <td>
        {change.undone_at ? (
          <span className="text-dim" title={change.undo_reason}>
            {t.undone(change.undone_by)}
          </span>
        ) : (
          <Undo change={change} onUndone={onUndone} />
        )}
      </td>
    </tr>
  );
}

function Undo({ change, onUndone }: { change: PatientChange; onUndone: () => void }) {
  const { patientChanges: t } = useText();
  const [reason, setReason] = useState("");
  const action = useAction(onUndone);
  const word = change.kind === "link" ? t.unlink : t.undo;
  return (
    <details>
      <summary className="control inline-block px-2 py-0.5">{word}</summary>
      <div className="mt-2 flex items-end gap-2">
        <Field
          label={t.reason}
          maxLength={500}
          autoComplete="off"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        <SureButton
          word={word}
          label={`${word}: ${changeText(change, t)}`}
          busy={action.busy || !reason.trim()}
          onSure={() => void action.run(() => patientChanges.undo(change.change_id, reason))}
        />
      </div>
      {action.problem && <ProblemNote problem={action.problem} />}
    </details>
  );
}
