"use client";

import { type ReactNode, useState } from "react";
import { Answer, Grid, PagedGrid, SureButton } from "@/shared/components/parts";
import { PatientOf } from "@/features/admin/components/rowCells";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { usePages } from "@/shared/hooks/usePages";
import { useText } from "@/shared/hooks/useText";
import { conflicts } from "@/features/admin/lib/adminApi";
import { instanceFileUrl } from "@/dicom/dicomweb";
import { bytes, moment } from "@/shared/lib/format";
import type { Conflict, ConflictDecisions } from "@/shared/api/types";
import { conflictFileUrl } from "@/features/admin/lib/storedStudiesApi";

/** Other contents that came under known UIDs: what differs, and which of the two stays. */
export function Conflicts() {
  const { admin: t, storedStudies } = useText();
  const [open, setOpen] = useState<number | null>(null);
  const [decided, setDecided] = useState<ConflictDecisions | null>(null);
  const pages = usePages(conflicts.list);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.conflictsWhat}</p>
      {decided && <DecidedConflicts decided={decided} />}
      <PagedGrid
        pages={pages}
        label={t.parts.conflicts}
        columns={[storedStudies.of, t.instance, t.existing, t.cameLater, ""]}
        empty={t.noConflicts}
        row={(one) => (
          <ConflictRows
            key={one.conflict_id}
            conflict={one}
            open={open === one.conflict_id}
            onTurn={() => setOpen(open === one.conflict_id ? null : one.conflict_id)}
            onDecided={pages.fetched.reload}
            onDecidedAll={setDecided}
          />
        )}
      />
    </>
  );
}

function ConflictRows({
  conflict,
  open,
  onTurn,
  onDecided,
  onDecidedAll,
}: {
  conflict: Conflict;
  open: boolean;
  onTurn: () => void;
  onDecided: () => void;
  onDecidedAll: (decided: ConflictDecisions) => void;
}) {
  const { admin: t } = useText();
  const action = useAction(onDecided);
  const { conflict_id: id, existing } = conflict;
  return (
    <>
      <tr data-testid="conflict">
        <td className="text-xs">
          {existing ? (
            <PatientOf
              patientName={existing.patient_name}
              patientId={existing.patient_id}
              studyInstanceUid={existing.study_instance_uid}
            />
          ) : (
            t.deleted
          )}
        </td>
        <td className="max-w-72 truncate font-mono text-xs" title={conflict.sop_instance_uid}>
          {conflict.sop_instance_uid}
        </td>
        <td className="text-xs">
          {existing ? (
            <Came source={existing.source} at={existing.received_at} size_bytes={existing.size_bytes}>
              <FileLink
                what={t.existing}
                href={instanceFileUrl(existing.study_instance_uid, existing.series_instance_uid, conflict.sop_instance_uid)}
                name={`conflict-${id}-existing.dcm`}
              />
            </Came>
          ) : (
            t.deleted
          )}
        </td>
        <td className="text-xs">
          <Came source={conflict.source} at={conflict.received_at} size_bytes={conflict.size_bytes}>
            <FileLink what={t.cameLater} href={conflictFileUrl(id)} name={`conflict-${id}-later.dcm`} />
          </Came>
        </td>
        <td>
          <div className="flex flex-wrap gap-1.5">
            <button type="button" className="control px-2 py-0.5" aria-expanded={open} onClick={onTurn}>
              {t.compare}
            </button>
            <SureButton
              word={t.takeLater}
              label={t.takeLater}
              busy={action.busy}
              onSure={() => void action.run(() => conflicts.accept(id))}
            />
            <SureButton
              word={t.keepHeld}
              label={t.keepHeld}
              busy={action.busy}
              onSure={() => void action.run(() => conflicts.discard(id))}
            />
          </div>
          {action.problem && <ProblemNote problem={action.problem} />}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={5}>
            <Differences id={id} />
            {existing && (
              <WholeStudy
                studyInstanceUid={existing.study_instance_uid}
                onDecided={onDecided}
                onDecidedAll={onDecidedAll}
              />
            )}
          </td>
        </tr>
      )}
    </>
  );
}

/** One decision for all that wait for the study: a corrected series comes as one conflict a slice. */
function WholeStudy({
  studyInstanceUid,
  onDecided,
  onDecidedAll,
}: {
  studyInstanceUid: string;
  onDecided: () => void;
  onDecidedAll: (decided: ConflictDecisions) => void;
}) {
  const { admin: t } = useText();
  const action = useAction(onDecided);
  return (
    <div className="mt-2 flex flex-wrap items-center gap-1.5">
      <span className="text-dim">{t.wholeStudy}</span>
      {(["accept", "discard"] as const).map((decision) => {
        const word = decision === "accept" ? t.takeLaterAll : t.keepHeldAll;
        return (
          <SureButton
            key={decision}
            word={word}
            label={word}
            busy={action.busy}
            onSure={() =>
              void action.run(async () => onDecidedAll(await conflicts.decideStudy(studyInstanceUid, decision)))
            }
          />
        );
      })}
      {action.problem && <ProblemNote problem={action.problem} />}
    </div>
  );
}

/** What became of the conflicts of a study: those that are left, and why. */
function DecidedConflicts({ decided }: { decided: ConflictDecisions }) {
  const { admin: t } = useText();
  return (
    <div role="status" data-testid="conflicts-decided" className="mb-3">
      <p>{t.conflictsDecided(decided.decided.length, decided.left.length)}</p>
      <ul className="text-warn" lang="en">
        {[...new Set(decided.left.map((one) => one.reason))].map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}

function Came({
  source,
  at,
  size_bytes,
  children,
}: {
  source: string;
  at: string;
  size_bytes: number;
  children: ReactNode;
}) {
  return (
    <>
      {source}
      <div className="text-dim">
        {moment(at)}, {bytes(size_bytes)}
      </div>
      {children}
    </>
  );
}

function FileLink({ what, href, name }: { what: string; href: string; name: string }) {
  const { storedStudies } = useText();
  return (
    <a className="text-accent hover:underline" href={href} download={name} aria-label={`${storedStudies.file}: ${what}`}>
      {storedStudies.file}
    </a>
  );
}

function Differences({ id }: { id: number }) {
  const { admin: t } = useText();
  const fetched = useFetched((signal) => conflicts.get(id, signal), String(id));
  return (
    <Answer fetched={fetched}>
      {({ differences, readable }) =>
        differences.length === 0 ? (
          <p className="text-dim">{readable ? t.pixelsDiffer : t.notReadable}</p>
        ) : (
          <Grid label={t.compare} columns={[t.attribute, t.existing, t.cameLater]} empty="">
            {differences.map((one) => (
              <tr key={one.tag} data-testid="difference">
                <td>
                  {one.keyword} <span className="font-mono text-xs text-dim">{one.tag}</span>
                </td>
                <td className="max-w-96 break-words">{shown(one.existing)}</td>
                <td className="max-w-96 break-words">{shown(one.other)}</td>
              </tr>
            ))}
          </Grid>
        )
      }
    </Answer>
  );
}

/** A value of the DICOM JSON model as text: people read it, nobody parses it. */
function shown(element: Record<string, unknown> | null | undefined): string {
  if (!element) return "—";
  const values = Array.isArray(element.Value) ? (element.Value as unknown[]) : [];
  return values
    .map((value) => {
      if (typeof value !== "object" || value === null) return String(value);
      const { Alphabetic } = value as { Alphabetic?: unknown };
      return typeof Alphabetic === "string" ? Alphabetic : JSON.stringify(value);
    })
    .join(" \\ ");
}
