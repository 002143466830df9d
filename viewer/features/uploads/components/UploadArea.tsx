"use client";

import { type ReactNode, type RefObject, useState } from "react";
import { UploadCard } from "@/features/uploads/components/UploadCard";
import { useText } from "@/shared/hooks/useText";
import { useUpload } from "@/features/uploads/hooks/useUpload";
import { filesOf } from "@/features/uploads/lib/upload";

/** Takes files dropped anywhere on the page or chosen by its buttons. */
export function UploadArea({
  children,
  onDone,
  inputRef,
}: {
  children: (button: ReactNode) => ReactNode;
  onDone: () => void;
  inputRef: RefObject<HTMLInputElement | null>;
}) {
  const t = useText().studyList;
  const [over, setOver] = useState(false);
  const upload = useUpload(onDone);
  const busy = upload.state.name === "busy";
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
        if (!busy) void filesOf(event.dataTransfer).then(upload.begin);
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
              void upload.begin(files);
            }}
          />
        </>,
      )}
      {over && (
        <div className="pointer-events-none fixed inset-4 z-30 grid place-items-center rounded-xl border-2 border-dashed border-accent bg-ground/80 text-lg">
          {t.dropHere}
        </div>
      )}
      <UploadCard upload={upload} />
    </div>
  );
}
