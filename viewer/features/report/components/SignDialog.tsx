"use client";

import { Answer } from "@/shared/components/parts";
import { Dialog } from "@/shared/components/Dialog";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { MissingCritical } from "@/features/report/components/MissingCritical";
import { openAlerts } from "@/features/reader/lib/findings/alertApi";
import { isAnythingOpen, openPoints } from "@/shared/lib/signing";
import type { Alert, Finding, Report, StudyDetail } from "@/shared/api/types";

/** Asks before a report is signed, and names what is still open. */
export function SignDialog({
  report,
  study,
  findings,
  busy,
  onSign,
  onClose,
}: {
  report: Report;
  study: StudyDetail;
  findings: readonly Finding[];
  busy: boolean;
  onSign: () => void;
  onClose: () => void;
}) {
  const { common, report: t } = useText();
  const uid = study.study_instance_uid;
  const fetched = useFetched<Alert[]>((signal) => openAlerts(uid, signal), `${uid} ${study.open_alerts}`);
  return (
    <Dialog title={t.signing.title} testId="sign-dialog" onClose={onClose}>
      <Answer fetched={fetched}>
        {(alerts) => {
          const open = openPoints(report, findings, alerts);
          return (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                onSign();
              }}
            >
              <Named title={t.signing.critical} items={open.critical} tone="text-bad" testId="open-critical" />
              {open.missing.length > 0 && (
                <section className="mt-3" data-testid="open-missing">
                  <h3 className="font-medium text-bad">{t.signing.missing}</h3>
                  <MissingCritical missing={open.missing} />
                </section>
              )}
              <Named title={t.signing.rejected} items={open.rejected} tone="text-bad" testId="open-rejected" />
              {open.attention && (
                <p className="mt-3 text-warn" lang="en" data-testid="open-attention">
                  {open.attention}
                </p>
              )}
              <Named title={t.signing.unreviewed} items={open.unreviewed} tone="text-warn" testId="open-unreviewed" />
              {!isAnythingOpen(open) && <p>{t.signing.nothingOpen}</p>}
              <p className="mt-3 text-dim">{t.signing.consequence}</p>
              <div className="mt-4 flex justify-end gap-2">
                <button type="button" className="control" onClick={onClose}>
                  {common.cancel}
                </button>
                <button type="submit" className="control border-good/60 text-good" disabled={busy} data-testid="confirm-sign">
                  {isAnythingOpen(open) ? t.signing.signAnyway : t.signing.sign}
                </button>
              </div>
            </form>
          );
        }}
      </Answer>
    </Dialog>
  );
}

function Named({
  title,
  items,
  tone,
  testId,
}: {
  title: string;
  items: readonly string[];
  tone: string;
  testId: string;
}) {
  if (items.length === 0) return null;
  return (
    <section className="mt-3" data-testid={testId}>
      <h3 className={`font-medium ${tone}`}>
        {title} ({items.length})
      </h3>
      {/* A row cut in half tells that more follow; the keys that scroll need the focus. */}
      <ul tabIndex={0} aria-label={title} className="mt-1 max-h-[10.6rem] list-disc overflow-y-auto pl-5">
        {items.map((item, place) => (
          <li key={`${place}${item}`}>{item}</li>
        ))}
      </ul>
    </section>
  );
}
