"use client";

import { type ReactNode, useEffect, useRef } from "react";
import { useText } from "@/shared/hooks/useText";
import { rememberFocus } from "@/shared/lib/keys/focus";

/** Something over the page, with its name and a button to close it; Escape closes by itself. */
export function Dialog({
  title,
  testId,
  wide = false,
  onClose,
  children,
}: {
  title: string;
  testId?: string;
  wide?: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const { common } = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    // Where React takes it away open, the browser does not give the focus back by itself.
    const giveFocusBack = rememberFocus();
    if (element && !element.open) element.showModal();
    return giveFocusBack;
  }, []);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-label={title}
      data-testid={testId}
      className={`m-auto max-h-[92dvh] overflow-y-auto rounded-xl border border-line bg-panel p-5 text-left text-ink backdrop:bg-black/60 ${
        wide ? "w-[min(64rem,94vw)]" : "w-[min(44rem,92vw)]"
      }`}
    >
      <div className="mb-2 flex items-center justify-between gap-4">
        <h2 className="text-base font-semibold">{title}</h2>
        <button type="button" className="control" onClick={() => dialog.current?.close()}>
          {common.close}
        </button>
      </div>
      {children}
    </dialog>
  );
}
