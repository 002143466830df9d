"use client";

import { ProblemNote } from "@/shared/components/ProblemNote";
import { ProgressBar } from "@/shared/components/ProgressBar";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import type { Upload } from "@/features/uploads/hooks/useUpload";
import { useText } from "@/shared/hooks/useText";
import { bytes, moment } from "@/shared/lib/format";
import type { AnalyzeStarted } from "@/shared/api/types";
import { uploadSummary, type UploadStage } from "@/features/uploads/lib/upload";

/** How an upload fares, in the corner of the page; it is paused, resumed and given up here. */
export function UploadCard({ upload }: { upload: Upload }) {
  const { common, studyList: t } = useText();
  const { state, left } = upload;
  const busy = state.name === "busy";
  if (state.name === "idle" && left.length === 0) return null;
  return (
    <aside
      aria-label={t.uploadLabel}
      data-testid="upload"
      className="fixed right-5 bottom-5 z-30 w-96 max-w-[calc(100vw-2.5rem)] rounded-lg border border-line-strong bg-raised p-4 shadow-xl"
    >
      {busy && <Busy upload={upload} />}
      {state.name === "failed" && <ProblemNote problem={state.problem} />}
      {state.name === "done" && <Done answers={state.answers} />}
      {!busy &&
        left.map((one) => (
          <div key={one.uploadId} data-testid="unfinished" className="mt-2 first:mt-0">
            <p className="font-medium">{t.unfinished(moment(one.begunAt), bytes(one.sizeBytes))}</p>
            <p className="text-dim">{t.chooseAgain}</p>
            <button type="button" className="control mt-1.5" onClick={() => upload.abandon(one.uploadId)}>
              {t.giveUp}
            </button>
          </div>
        ))}
      {!busy && state.name !== "idle" && (
        <button type="button" className="control mt-3" onClick={upload.close}>
          {common.close}
        </button>
      )}
    </aside>
  );
}

function Busy({ upload }: { upload: Upload }) {
  const t = useText().studyList;
  const { state } = upload;
  if (state.name !== "busy") return null;
  const { stage, fraction, waiting } = state.progress;
  const words: Record<UploadStage, string> = { packing: t.packing, sending: t.sending, reading: t.nodeReads };
  const percent = Math.floor(fraction * 100);
  return (
    <>
      <p className="mb-2" role="status" data-testid="upload-status" data-paused={state.paused} data-waiting={waiting}>
        {state.paused
          ? t.paused(percent)
          : waiting
            ? t.waitsForConnection(percent)
            : `${words[stage]} ${t.files(state.files)}${stage === "sending" ? `, ${percent} %` : ""}…`}
      </p>
      <ProgressBar percent={percent} label={t.uploadProgress} />
      {stage === "sending" && (
        <div className="mt-3 flex gap-2">
          <button type="button" className="control" onClick={state.paused ? upload.resume : upload.pause}>
            {state.paused ? t.resume : t.pause}
          </button>
          <button type="button" className="control" onClick={upload.giveUp}>
            {t.giveUp}
          </button>
        </div>
      )}
    </>
  );
}

function Done({ answers }: { answers: readonly AnalyzeStarted[] }) {
  const titles = usePipelineTitles();
  const refused = answers.flatMap((answer) => answer.instances.refused);
  const reasons = answers.flatMap((answer) => answer.decisions).filter((decision) => !decision.accepted);
  return (
    <div role="status" className="max-h-72 overflow-y-auto">
      <p className="font-medium">{uploadSummary(answers)}</p>
      <ul className="mt-2 space-y-1 text-dim">
        {refused.slice(0, 20).map(({ name, reason }) => (
          <li key={`${name}${reason}`}>
            {name}: {reason}
          </li>
        ))}
        {reasons.slice(0, 20).map(({ pipeline, series_instance_uid: uid, reason }) => (
          <li key={`${pipeline}${uid}`} data-testid="decision-reason">
            {titles.of(pipeline)}: {reason}
          </li>
        ))}
      </ul>
    </div>
  );
}
