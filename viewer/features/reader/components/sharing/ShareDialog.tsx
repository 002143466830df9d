"use client";

import { useState } from "react";
import { CopyButton } from "@/shared/components/CopyButton";
import { Dialog } from "@/shared/components/Dialog";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { asProblem } from "@/shared/api/http";
import { moment } from "@/shared/lib/format";
import type { Problem } from "@/shared/api/problem";
import type { NewSharedView, SharedViewSummary } from "@/shared/api/types";
import {
  durations,
  linkTo,
  listSharedViews,
  revokeSharedView,
  shareView,
  type ValidFor,
} from "@/features/reader/lib/sharing/sharedViews";

/** Makes a link to what is shown now, and lists and revokes those that were made. */
export function ShareDialog({
  studyInstanceUid,
  view,
  onClose,
}: {
  studyInstanceUid: string;
  /** As it is when the link is made. */
  view: () => NewSharedView["view"];
  onClose: () => void;
}) {
  const { viewing } = useText();
  const { sharing: t } = viewing;
  const [validFor, setValidFor] = useState<ValidFor>("day");
  const [made, setMade] = useState<SharedViewSummary | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [revoked, setRevoked] = useState(false);
  const links = useFetched((signal) => listSharedViews(studyInstanceUid, signal), studyInstanceUid);

  const run = async (what: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    try {
      await what();
      links.reload();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  const create = () =>
    run(async () => {
      setMade(await shareView({ study_instance_uid: studyInstanceUid, valid_for: validFor, view: view() }));
      setRevoked(false);
    });
  const revoke = ({ shared_view_id: id }: SharedViewSummary) =>
    run(async () => {
      await revokeSharedView(id);
      setRevoked(true);
      setMade((now) => (now?.shared_view_id === id ? null : now));
    });
  const link = made && linkTo(made.shared_view_id, window.location.origin);
  return (
    <Dialog title={t.title} testId="share-dialog" onClose={onClose}>
      <div className="space-y-4">
        <p className="text-sm">{t.what}</p>
        <fieldset className="flex flex-wrap items-center gap-4 text-sm">
          <legend className="sr-only">{t.validFor}</legend>
          <span aria-hidden="true">{t.validFor}</span>
          {durations.map((one) => (
            <label key={one} className="flex items-center gap-1.5">
              <input type="radio" name="valid-for" value={one} checked={validFor === one} onChange={() => setValidFor(one)} />
              {t.durations[one]}
            </label>
          ))}
          <button type="button" className="control" data-testid="create-link" disabled={isBusy} onClick={() => void create()}>
            {t.create}
          </button>
        </fieldset>
        {made && link && (
          <div className="space-y-1">
            <div className="flex gap-2">
              <input
                readOnly
                aria-label={t.link}
                data-testid="shared-link"
                className="min-w-0 flex-1 rounded-md border border-line bg-ground px-2 py-1 text-sm"
                value={link}
                onFocus={(event) => event.currentTarget.select()}
              />
              <CopyButton key={link} text={link} />
            </div>
            <p role="status" className="text-xs text-dim">
              {t.opensUntil(moment(made.expires_at))}
            </p>
          </div>
        )}
        {problem && <ProblemNote problem={problem} />}
        {revoked && !made && (
          <p role="status" className="text-sm">
            {t.revoked}
          </p>
        )}
        {links.problem && <ProblemNote problem={links.problem} onRetry={links.reload} />}
        {links.value !== null && links.value.length > 0 && (
          <section>
            <h3 className="mb-1 text-sm font-semibold">{t.yours}</h3>
            <ul className="divide-y divide-line" data-testid="shared-links">
              {links.value.map((one) => (
                <li key={one.shared_view_id} className="flex flex-wrap items-center gap-3 py-1 text-sm">
                  <span>{t.opensUntil(moment(one.expires_at))}</span>
                  <span className="flex-1 text-xs text-dim">{t.made(moment(one.created_at))}</span>
                  <CopyButton text={linkTo(one.shared_view_id, window.location.origin)} />
                  <button
                    type="button"
                    className="control"
                    aria-label={t.revokeOf(moment(one.expires_at))}
                    disabled={isBusy}
                    onClick={() => void revoke(one)}
                  >
                    {t.revoke}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </Dialog>
  );
}
