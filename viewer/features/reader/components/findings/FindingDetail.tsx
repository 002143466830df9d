"use client";

import { findingName } from "@/shared/lib/findingNames";
import { CaveatNote } from "@/features/reader/components/findings/CaveatNote";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { CurvePlot } from "@/features/reader/components/findings/CurvePlot";
import { FindingContext } from "@/features/reader/components/findings/FindingContext";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { focusHome } from "@/shared/lib/keys/focus";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { giveFeedback } from "@/shared/api/api";
import { countsNone, draftOf, feedbackText, isImplausible, isTruncated, statedText, truncationText, badgeOf, valueText } from "@/shared/lib/feedback";
import { moment, unitSymbol } from "@/shared/lib/format";
import type { Feedback, Finding, StudyDetail, Trend } from "@/shared/api/types";

type FeedbackKind = Feedback["kind"];

/** One finding in full, the feedback on it, and the form to give more. */
export function FindingDetail({
  finding,
  study,
  findings,
  trends,
  takesFocus,
  onShow,
  onToReport,
  onChanged,
}: {
  finding: Finding;
  study: StudyDetail;
  findings: readonly Finding[];
  trends: readonly Trend[] | null;
  /** It was opened with a key, which goes on from here. */
  takesFocus: boolean;
  onShow?: () => void;
  onToReport: () => void;
  onChanged: () => void;
}) {
  const { reader: t, viewing } = useText();
  const [kind, setKind] = useState<FeedbackKind | null>(null);
  const action = useAction(onChanged);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takesFocus) panel.current?.focus();
  }, [takesFocus]);
  const accept = () => {
    const { feedback } = draftOf(finding, "ACCEPTED", "", "");
    setKind(null);
    if (feedback) void action.run(() => giveFeedback(finding.finding_id, feedback));
  };
  // Behind the report it stays open, and is not what the reader looks at.
  useHotkeys({
    "Ctrl+enter": () => panel.current?.offsetParent && accept(),
    "Ctrl+backspace": () => panel.current?.offsetParent && setKind("REJECTED"),
  });
  return (
    <div
      ref={panel}
      role="group"
      aria-label={findingName(finding.label)}
      tabIndex={-1}
      {...{ [focusHome]: "" }}
      data-testid="finding-detail"
      className="rounded-md border border-line bg-raised p-2.5 text-[0.8125rem]"
    >
      <p className="font-medium">{findingName(finding.label)}</p>
      <p className="text-xs text-dim">
        {finding.value !== null &&
          t.stated(statedText(finding))}
        {finding.confidence !== null && t.confidence(Math.round(finding.confidence * 100))}
        {finding.tracking_identifier}
      </p>
      <StatedInterval finding={finding} />
      {finding.value !== null && finding.code.scheme_designator === "99MEDIVIEW" && (
        <p data-testid="measured-what" className="text-xs text-dim" lang="en">
          {finding.code.meaning}
        </p>
      )}
      {countsNone(finding) && <p className="mt-1">{t.noneFoundWhat}</p>}
      {isTruncated(finding) && (
        <p data-testid="truncated" className="mt-1 text-warn">
          {truncationText(finding)} {t.notCompared}
        </p>
      )}
      {isImplausible(finding) && (
        <p data-testid="implausible" className="mt-1 text-warn">
          {t.implausibleWhat} <span lang="en">{finding.validity?.reason}</span>
        </p>
      )}
      {(finding.validity?.caveat_parts ?? []).map((caveat) => (
        <CaveatNote key={caveat.text} caveat={caveat} />
      ))}
      {finding.curve && <CurvePlot curve={finding.curve} />}
      <FindingContext finding={finding} study={study} findings={findings} trends={trends} />
      <FeedbackList feedback={finding.feedback ?? []} />
      <div className="mt-2 flex flex-wrap gap-1.5" role="group" aria-label={t.judge(findingName(finding.label))}>
        {onShow && (
          <button type="button" className="control px-2 py-0.5" onClick={onShow}>
            {t.show}
          </button>
        )}
        <button type="button" className="control px-2 py-0.5" title={viewing.acceptKey} disabled={action.busy} onClick={accept}>
          {t.accept}
        </button>
        {(["REJECTED", "CORRECTED"] as const).map((one) => (
          <button
            key={one}
            type="button"
            className="control px-2 py-0.5"
            aria-expanded={kind === one}
            title={one === "REJECTED" ? viewing.rejectKey : undefined}
            onClick={() => setKind(kind === one ? null : one)}
          >
            {one === "REJECTED" ? t.reject : t.correct}
          </button>
        ))}
        <button type="button" className="control px-2 py-0.5" data-testid="finding-to-report" onClick={onToReport}>
          {viewing.toReport}
        </button>
      </div>
      {kind && (
        <SayForm
          key={kind}
          finding={finding}
          kind={kind}
          busy={action.busy}
          onSay={async (feedback) => {
            if (await action.run(() => giveFeedback(finding.finding_id, feedback))) setKind(null);
          }}
          onCancel={() => {
            setKind(null);
            panel.current?.focus({ preventScroll: true });
          }}
        />
      )}
      {action.problem && (
        <div className="mt-2">
          <ProblemNote problem={action.problem} />
        </div>
      )}
    </div>
  );
}

/** Between which values the true one lies, by the model’s word. */
function StatedInterval({ finding }: { finding: Finding }) {
  const { reader: t } = useText();
  const { value_interval: interval } = finding;
  if (!interval || finding.value === null) return null;
  const unit = finding.unit?.value ?? "";
  return (
    <p data-testid="value-interval" className="text-xs text-dim">
      {t.interval(Number((interval.level * 100).toFixed(2)), valueText(interval.low, unit), valueText(interval.high, unit))}
    </p>
  );
}

/** The last counts, and stands first. */
function FeedbackList({ feedback }: { feedback: readonly Feedback[] }) {
  if (feedback.length === 0) return null;
  return (
    <ul className="mt-1.5 space-y-1.5" aria-live="polite">
      {[...feedback].reverse().map((one) => (
        <li key={one.feedback_id} data-testid="feedback" data-kind={one.kind}>
          <Badge word={feedbackText(one)} tone={badgeOf(one).tone} />
          <p className="text-xs text-dim">
            {one.given_by}, {moment(one.given_at)}
          </p>
          {one.reason && <p>{one.reason}</p>}
        </li>
      ))}
    </ul>
  );
}

function SayForm({
  finding,
  kind,
  busy,
  onSay,
  onCancel,
}: {
  finding: Finding;
  kind: FeedbackKind;
  busy: boolean;
  onSay: (feedback: NonNullable<ReturnType<typeof draftOf>["feedback"]>) => Promise<void>;
  onCancel: () => void;
}) {
  const { reader: t, common } = useText();
  const id = useId();
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const [missing, setMissing] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const draft = draftOf(finding, kind, typed, reason);
    setMissing(draft.problem ?? "");
    if (draft.feedback) void onSay(draft.feedback);
  };
  const unit = unitSymbol(finding.unit?.value ?? "");
  const field = "mt-0.5 w-full rounded border border-line-strong bg-ground px-2 py-1";
  return (
    <form
      className="mt-2 space-y-2"
      noValidate
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        // Escape leaves the form, not the study: the page listens on the window.
        event.nativeEvent.stopImmediatePropagation();
        event.stopPropagation();
        onCancel();
      }}
    >
      {kind === "CORRECTED" && (
        <label className="block text-xs text-dim" htmlFor={`${id}-value`}>
          {finding.value === null ? t.rightName : t.rightValue(unit)}
          <input
            id={`${id}-value`}
            autoFocus
            className={`${field} text-ink`}
            inputMode={finding.value === null ? "text" : "decimal"}
            maxLength={200}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
      )}
      <label className="block text-xs text-dim" htmlFor={`${id}-reason`}>
        {t.reason}
        <textarea
          id={`${id}-reason`}
          autoFocus={kind === "REJECTED"}
          className={`${field} text-ink`}
          rows={2}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      {missing && (
        <p role="alert" className="text-warn">
          {missing}
        </p>
      )}
      <div className="flex gap-1.5">
        <button type="submit" className="control px-2 py-0.5" disabled={busy}>
          {kind === "REJECTED" ? t.rejectFinding : t.saveCorrection}
        </button>
        <button type="button" className="control px-2 py-0.5" onClick={onCancel}>
          {common.cancel}
        </button>
      </div>
    </form>
  );
}
