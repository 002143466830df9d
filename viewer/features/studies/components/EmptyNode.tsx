"use client";

import { useText } from "@/shared/hooks/useText";

/** What to do when there is nothing to see. */
export function EmptyNode({ text, filtered }: { text: string; filtered: boolean }) {
  const t = useText().studyList;
  if (text || filtered) {
    return (
      <p className="rounded-lg border border-line bg-panel p-8 text-center text-dim" data-testid="empty">
        {t.noMatch(text)}
      </p>
    );
  }
  return (
    <section
      data-testid="empty"
      className="mx-auto mt-10 max-w-2xl rounded-lg border border-line bg-panel p-8"
    >
      <h2 className="text-lg font-semibold">{t.emptyTitle}</h2>
      <p className="mt-1 text-dim">{t.emptyHow}</p>
      <dl className="mt-5 space-y-4">
        <Way does={t.emptySend} command="storescu +sd +r -aec MEDIVIEW localhost 11112 DIR" />
        <Way does={t.emptyDemo} command="mediview demo" />
        <div>
          <dt>{t.emptyDrop}</dt>
          <dd className="text-dim">{t.emptyDropWhat}</dd>
        </div>
      </dl>
    </section>
  );
}

function Way({ does, command }: { does: string; command: string }) {
  return (
    <div>
      <dt>{does}</dt>
      <dd className="mt-1">
        <code className="block overflow-x-auto rounded-md border border-line bg-ground px-3 py-2 font-mono text-[0.8125rem] select-all">
          {command}
        </code>
      </dd>
    </div>
  );
}
