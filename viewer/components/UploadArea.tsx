"use client";

import { type ReactNode, type RefObject, useCallback, useState } from "react";
import { ProblemNote } from "@/components/ProblemNote";
import { ProgressBar } from "@/components/ProgressBar";
import { usePipelineTitles } from "@/hooks/usePipelineTitles";
import { useText } from "@/hooks/useText";
import { Problem } from "@/lib/http";
import { text } from "@/lib/i18n";
import type { AnalyzeStarted } from "@/lib/types";
import { filesOf, uploadFiles, uploadSummary, type UploadStage } from "@/lib/upload";

type Upload =
  | { state: "idle" }
  | { state: "busy"; stage: UploadStage; fraction: number; files: number }
  | { state: "done"; answers: AnalyzeStarted[] }
  | { state: "failed"; problem: Problem };

/** Takes files dropped anywhere on the page or chosen by its button, and tells how they fare. */
export function UploadArea({
  children,
  onDone,
  inputRef,
}: {
  children: (button: ReactNode) => ReactNode;
  onDone: () => void;
  inputRef: RefObject<HTMLInputElement | null>;
}) {
  const [upload, setUpload] = useState<Upload>({ state: "idle" });
  const [over, setOver] = useState(false);

  const begin = useCallback(
    async (files: File[]) => {
      if (files.length === 0) return;
      setUpload({ state: "busy", stage: "sending", fraction: 0, files: files.length });
      try {
        const answers = await uploadFiles(files, (stage, fraction) =>
          setUpload({ state: "busy", stage, fraction, files: files.length }),
        );
        setUpload({ state: "done", answers });
        onDone();
      } catch (error) {
        const problem =
          error instanceof Problem
            ? error
            : new Problem(0, text().worklist.uploaded.failed, error instanceof Error ? error.message : "", "", "upload");
        setUpload({ state: "failed", problem });
      }
    },
    [onDone],
  );

  const { common, worklist: t } = useText();
  const busy = upload.state === "busy";
  return (
    <div
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (!busy) void filesOf(event.dataTransfer).then(begin);
      }}
    >
      {children(
        <>
          <button
            type="button"
            className="control"
            disabled={busy}
            onClick={() => inputRef.current?.click()}
            title={t.uploadTitle}
          >
            {t.upload}
          </button>
          <input
            ref={inputRef}
            type="file"
            multiple
            className="sr-only"
            tabIndex={-1}
            aria-label={t.filesToUpload}
            data-testid="upload-input"
            onChange={(event) => {
              const files = [...(event.target.files ?? [])];
              event.target.value = "";
              void begin(files);
            }}
          />
        </>,
      )}
      {over && (
        <div className="pointer-events-none fixed inset-4 z-30 grid place-items-center rounded-xl border-2 border-dashed border-accent bg-ground/80 text-lg">
          {t.dropHere}
        </div>
      )}
      {upload.state !== "idle" && (
        <aside
          aria-label={t.uploadLabel}
          data-testid="upload"
          className="fixed right-5 bottom-5 z-30 w-96 max-w-[calc(100vw-2.5rem)] rounded-lg border border-line-strong bg-raised p-4 shadow-xl"
        >
          <UploadState upload={upload} />
          {!busy && (
            <button type="button" className="control mt-3" onClick={() => setUpload({ state: "idle" })}>
              {common.close}
            </button>
          )}
        </aside>
      )}
    </div>
  );
}

function UploadState({ upload }: { upload: Upload }) {
  const t = useText().worklist;
  const titles = usePipelineTitles();
  if (upload.state === "busy") {
    const stageWords: Record<UploadStage, string> = {
      packing: t.packing,
      sending: t.sending,
      reading: t.nodeReads,
    };
    const percent = Math.round(upload.fraction * 100);
    return (
      <>
        <p className="mb-2" role="status">
          {stageWords[upload.stage]} {t.files(upload.files)}
          {upload.stage === "sending" && `, ${percent} %`}…
        </p>
        <ProgressBar percent={percent} label={t.uploadProgress} />
      </>
    );
  }
  if (upload.state === "failed") return <ProblemNote problem={upload.problem} />;
  if (upload.state !== "done") return null;
  const refused = upload.answers.flatMap((answer) => answer.instances.refused);
  const reasons = upload.answers
    .flatMap((answer) => answer.decisions)
    .filter((decision) => !decision.accepted);
  return (
    <div role="status" className="max-h-72 overflow-y-auto">
      <p className="font-medium">{uploadSummary(upload.answers)}</p>
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
