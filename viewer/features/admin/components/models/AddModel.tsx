"use client";

import { type ChangeEvent, useRef } from "react";
import { useModelUpload } from "@/features/admin/hooks/useModelUpload";
import { usePageLeave } from "@/shared/hooks/usePageLeave";
import type { ModelUploadProgress, ModelUploadStage } from "@/features/admin/lib/models/modelUpload";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { ProgressBar } from "@/shared/components/ProgressBar";
import { useText } from "@/shared/hooks/useText";
import { bytes, moment } from "@/shared/lib/format";
import type { ModelList } from "@/shared/api/types";

/** A model's archive or folder is sent in parts from here; it runs only once somebody lets it. */
export function AddModel({ uploads, onAdded }: { uploads: ModelList["uploads"]; onAdded: () => void }) {
  const { modelCards: t } = useText();
  return (
    <section className="mb-5 max-w-3xl rounded-lg border border-line bg-panel p-4" data-testid="add-model" aria-label={t.add}>
      <h2 className="font-semibold">{t.add}</h2>
      {uploads === "off" ? <p className="mt-1 text-dim">{t.uploadsOff}</p> : <Sending signed={uploads === "signed"} onAdded={onAdded} />}
    </section>
  );
}

function Sending({ signed, onAdded }: { signed: boolean; onAdded: () => void }) {
  const { modelCards: t, studyList } = useText();
  const upload = useModelUpload(onAdded);
  const archive = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const { state } = upload;
  const busy = state.name === "busy";
  usePageLeave(busy);
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = "";
    void upload.begin(files);
  };
  return (
    <>
      <p className="mt-1 text-dim">{signed ? `${t.addWhat} ${t.signedOnly}` : t.addWhat}</p>
      {!busy && (
        <div className="mt-3 flex flex-wrap gap-2">
          <button type="button" className="control" onClick={() => archive.current?.click()}>
            {t.chooseArchive}
          </button>
          <button type="button" className="control" onClick={() => folder.current?.click()}>
            {t.chooseFolder}
          </button>
        </div>
      )}
      <input ref={archive} type="file" accept=".zip,application/zip" hidden aria-label={t.chooseArchive} data-testid="model-archive" onChange={chosen} />
      <input
        ref={(element) => {
          folder.current = element;
          // React knows no such attribute.
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        aria-label={t.chooseFolder}
        data-testid="model-folder"
        onChange={chosen}
      />
      {busy && (
        <div className="mt-3">
          <Status progress={state.progress} paused={state.paused} />
          <ProgressBar percent={Math.floor(100 * state.progress.fraction)} label={studyList.uploadProgress} />
          {state.progress.stage === "sending" && (
            <div className="mt-2 flex gap-2">
              <button type="button" className="control" onClick={state.paused ? upload.resume : upload.pause}>
                {state.paused ? studyList.resume : studyList.pause}
              </button>
              <button type="button" className="control" onClick={upload.giveUp}>
                {studyList.giveUp}
              </button>
            </div>
          )}
        </div>
      )}
      {state.name === "failed" && <ProblemNote problem={state.problem} />}
      {state.name === "done" && (
        <p role="status" className="mt-2 text-good">
          {t.added(state.model)}
        </p>
      )}
      {!busy &&
        upload.left.map((one) => (
          <div key={one.uploadId} data-testid="unfinished-model" className="mt-3">
            <p className="font-medium">{studyList.unfinished(moment(one.begunAt), bytes(one.sizeBytes))}</p>
            <p className="text-dim">{t.chooseAgain}</p>
            <button type="button" className="control mt-1.5" onClick={() => upload.abandon(one.uploadId)}>
              {studyList.giveUp}
            </button>
          </div>
        ))}
    </>
  );
}

function Status({ progress: { stage, fraction, waiting }, paused }: { progress: ModelUploadProgress; paused: boolean }) {
  const { modelCards: t, studyList } = useText();
  const percent = Math.floor(100 * fraction);
  const words: Record<ModelUploadStage, string> = {
    packing: t.packing,
    comparing: t.comparing(percent),
    sending: t.sending(percent),
    adding: t.adding,
  };
  return (
    <p role="status" className="mb-2" data-testid="model-upload-status" data-stage={stage}>
      {paused ? studyList.paused(percent) : waiting ? studyList.waitsForConnection(percent) : words[stage]}
    </p>
  );
}
