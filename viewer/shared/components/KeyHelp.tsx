"use client";

import { type ReactNode, useEffect, useRef } from "react";
import { useText } from "@/shared/hooks/useText";

export interface KeyGroup {
  title: string;
  keys: { keys: string[]; does: string }[];
}

/** The keys of a page, over it. Escape closes: a modal dialog does that by itself. */
export function KeyHelp({ groups, onEdit, more, onClose }: { groups: readonly KeyGroup[]; onEdit?: () => void; more?: ReactNode; onClose: () => void }) {
  const { common } = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-labelledby="key-help-title"
      data-testid="key-help"
      className="m-auto w-[min(44rem,92vw)] rounded-xl border border-line bg-panel p-0 text-ink backdrop:bg-black/60"
    >
      <div className="flex items-center justify-between border-b border-line px-5 py-3">
        <h2 id="key-help-title" className="text-base font-semibold">
          {common.keys}
        </h2>
        <span className="flex gap-2">
          {more}
          {onEdit && (
            <button type="button" className="control" data-testid="edit-keys" onClick={onEdit}>
              {common.editKeys}
            </button>
          )}
          <button type="button" className="control" onClick={() => dialog.current?.close()}>
            {common.close}
          </button>
        </span>
      </div>
      <div className="gap-x-8 p-5 sm:columns-2">
        {groups.map((group) => (
          <section key={group.title} className="mb-5 break-inside-avoid">
            <h3 className="section-title mb-2">{group.title}</h3>
            <dl className="space-y-1.5">
              {group.keys.map(({ keys, does }) => (
                <div key={does} className="flex items-baseline gap-3">
                  <dt className="flex w-28 shrink-0 flex-wrap gap-1">
                    {keys.map((key) => (
                      <kbd key={key} className="key">
                        {key}
                      </kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}
