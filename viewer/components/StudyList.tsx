"use client";

import { useSearchParams } from "next/navigation";
import { useCallback, useEffect, useRef, useState } from "react";
import { Brand } from "@/components/Brand";
import { EmptyNode } from "@/components/EmptyNode";
import { KeyHelp, type KeyGroup } from "@/components/KeyHelp";
import { NodeStatus } from "@/components/NodeStatus";
import { Paging } from "@/components/Paging";
import { ProblemNote } from "@/components/ProblemNote";
import { SignedIn } from "@/components/SignedIn";
import { StreamDot } from "@/components/StreamDot";
import { StudyTable } from "@/components/StudyTable";
import { UploadArea } from "@/components/UploadArea";
import { Waiting } from "@/components/Waiting";
import { useHotkeys } from "@/hooks/useHotkeys";
import { listAddress, readListQuery } from "@/lib/listAddress";
import { pageSize, useStudies } from "@/hooks/useStudies";

const keyGroups: KeyGroup[] = [
  {
    title: "Study list",
    keys: [
      { keys: ["↑", "↓"], does: "Choose a study" },
      { keys: ["k", "j"], does: "The same" },
      { keys: ["Enter"], does: "Open it" },
      { keys: ["/"], does: "Search" },
      { keys: ["Esc"], does: "Leave the search" },
    ],
  },
  {
    title: "Page",
    keys: [
      { keys: ["[", "]"], does: "Newer and older studies" },
      { keys: ["u"], does: "Upload files" },
      { keys: ["?"], does: "These keys" },
    ],
  },
];

const typingPauseMs = 250;

function show(query: { text: string; offset: number }): void {
  window.history.replaceState(null, "", listAddress(query));
}

export function StudyList() {
  const { text, offset } = readListQuery(useSearchParams());
  const [typed, setTyped] = useState(text);
  const [helpOpen, setHelpOpen] = useState(false);
  const { page, problem, stream, reload } = useStudies(text, offset);
  const search = useRef<HTMLInputElement>(null);
  const fileInput = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (typed.trim() === text) return;
    const timer = setTimeout(() => show({ text: typed.trim(), offset: 0 }), typingPauseMs);
    return () => clearTimeout(timer);
  }, [typed, text]);

  // The reader remembers where to return to.
  useEffect(() => void listAddress({ text, offset }), [text, offset]);

  const returned = useRef(false);
  useEffect(() => {
    if (!page || returned.current) return;
    returned.current = true;
    const row = document.getElementById(window.location.hash.slice(1));
    row?.querySelector<HTMLElement>("[data-study-link]")?.focus();
  }, [page]);

  const move = useCallback((step: number) => {
    const links = [...document.querySelectorAll<HTMLElement>("[data-study-link]")];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
    links[Math.max(0, Math.min(links.length - 1, next))]?.focus();
  }, []);

  const total = page?.total ?? 0;
  const newer = () => offset > 0 && show({ text, offset: Math.max(0, offset - pageSize) });
  const older = () => offset + pageSize < total && show({ text, offset: offset + pageSize });

  useHotkeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    "/": () => search.current?.focus(),
    "[": newer,
    "]": older,
    u: () => fileInput.current?.click(),
    "?": () => setHelpOpen(true),
    Escape: () => search.current?.blur(),
  });

  return (
    <UploadArea onDone={reload} inputRef={fileInput}>
      {(uploadButton) => (
        <div className="mx-auto flex min-h-dvh max-w-[96rem] flex-col px-5">
          <header className="flex flex-wrap items-center gap-x-5 gap-y-3 py-4">
            <Brand />
            <label className="ml-auto flex min-w-60 flex-1 items-center gap-2 rounded-md border border-line bg-panel px-3 focus-within:border-accent sm:max-w-md">
              <span className="sr-only">Search by patient name, ID, description or accession number</span>
              <input
                ref={search}
                type="search"
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
                onKeyDown={(event) => {
                  if (event.key === "ArrowDown") {
                    event.preventDefault();
                    move(1);
                  }
                }}
                placeholder="Search name, ID, description"
                className="w-full bg-transparent py-1.5 outline-none placeholder:text-dim"
              />
              <kbd className="key text-dim">/</kbd>
            </label>
            {uploadButton}
            <NodeStatus stream={stream} />
            <StreamDot state={stream} />
            <SignedIn />
            <button
              type="button"
              className="control"
              aria-label="Keys"
              title="Keys (?)"
              onClick={() => setHelpOpen(true)}
            >
              ?
            </button>
          </header>
          <main className="flex-1 pb-10">
            <h1 className="sr-only">Studies</h1>
            {problem && <ProblemNote problem={problem} onRetry={reload} />}
            {!page && !problem && <Waiting text="Reading the study list" />}
            {page && page.items.length === 0 && <EmptyNode text={text} />}
            {page && page.items.length > 0 && (
              <>
                <StudyTable studies={page.items} />
                <Paging
                  offset={offset}
                  shown={page.items.length}
                  total={page.total}
                  onNewer={newer}
                  onOlder={older}
                />
              </>
            )}
          </main>
          {helpOpen && <KeyHelp groups={keyGroups} onClose={() => setHelpOpen(false)} />}
        </div>
      )}
    </UploadArea>
  );
}
