"use client";

import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Answer } from "@/shared/components/parts";
import { PageHeader } from "@/shared/components/PageHeader";
import { Hits } from "@/features/search/components/Hits";
import { useFetched } from "@/shared/hooks/useFetched";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { useText } from "@/shared/hooks/useText";
import { searchByMeaning } from "@/features/language/lib/askApi";

const kinds = ["all", "report", "finding"] as const;
type Kind = (typeof kinds)[number];

/** Search by meaning over reports and findings; what is looked for lies in the address. */
export function SearchPage() {
  const { search: t, report, text: texts } = useText();
  const router = useRouter();
  const parameters = useSearchParams();
  const q = parameters.get("q") ?? "";
  const kind = kinds.find((one) => one === parameters.get("kind")) ?? "all";
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${q || t.title} · MediViewAI`;
  }, [q, t]);
  const move = (step: number) => {
    const links = [...document.querySelectorAll<HTMLElement>("[data-hit]")];
    const at = links.findIndex((link) => link === document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))]?.focus();
  };
  useHotkeys({
    "/": () => input.current?.focus(),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    Escape: () => router.push("/"),
  });
  const look = (text: string, which: Kind) => {
    const asked = new URLSearchParams({ ...(text ? { q: text } : {}), ...(which === "all" ? {} : { kind: which }) });
    router.replace(`/search/?${asked}`);
  };
  return (
    <div className="mx-auto flex min-h-dvh max-w-[80rem] flex-col px-5">
      <PageHeader leaveBy="Esc">
        <Link href="/text/" prefetch={false} className="control" title={texts.openHint}>
          {texts.open}
        </Link>
      </PageHeader>
      <main className="flex-1 pb-10">
        <h1 className="text-lg font-semibold">{t.title}</h1>
        <p className="mt-1 mb-3 text-dim">{t.what}</p>
        <Asking key={q} q={q} inputRef={input} onLook={(text) => look(text, kind)} />
        <div role="group" aria-label={t.kind} className="my-3 flex gap-1.5">
          {kinds.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === kind}
              className="control aria-pressed:border-accent aria-pressed:text-accent"
              onClick={() => look(q, one)}
            >
              {t.kinds[one]}
            </button>
          ))}
        </div>
        {q.length >= 2 && <Found key={`${kind} ${q}`} q={q} kind={kind} />}
        <p className="mt-6 text-xs text-dim">{report.answerNotice}</p>
      </main>
    </div>
  );
}

function Asking({
  q,
  inputRef,
  onLook,
}: {
  q: string;
  inputRef: React.RefObject<HTMLInputElement | null>;
  onLook: (text: string) => void;
}) {
  const { search: t, common } = useText();
  const [text, setText] = useState(q);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim().length >= 2) onLook(text.trim());
  };
  return (
    <form role="search" className="flex gap-2" onSubmit={submit}>
      <input
        ref={inputRef}
        type="search"
        // The page is for nothing else.
        autoFocus
        className="min-w-0 flex-1 rounded-md border border-line-strong bg-panel px-3 py-2"
        aria-label={t.hint}
        placeholder={t.hint}
        maxLength={300}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="control px-4" disabled={text.trim().length < 2}>
        {common.search}
      </button>
    </form>
  );
}

function Found({ q, kind }: { q: string; kind: Kind }) {
  const { search: t } = useText();
  const fetched = useFetched((signal) => searchByMeaning(q, kind === "all" ? undefined : kind, signal), q);
  return (
    <Answer fetched={fetched}>
      {({ items, searched, waiting, notes }) => (
        <>
          <p role="status" className="mb-2 text-xs text-dim">
            {t.searched(items.length, searched)}
            {waiting > 0 && ` ${t.waiting(waiting)}`}
          </p>
          {(notes ?? []).map((note) => (
            <p key={note} className="mb-2 text-xs text-dim">
              {t.notes[note]}
            </p>
          ))}
          <Hits hits={items} searched={searched} />
        </>
      )}
    </Answer>
  );
}
