"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { Brand } from "@/components/Brand";
import { EmptyNode } from "@/components/EmptyNode";
import { KeyHelp, type KeyGroup } from "@/components/KeyHelp";
import { NodeStatus } from "@/components/NodeStatus";
import { Paging } from "@/components/Paging";
import { ProblemNote } from "@/components/ProblemNote";
import { StreamDot } from "@/components/StreamDot";
import { StudyTable } from "@/components/StudyTable";
import { UploadArea } from "@/components/UploadArea";
import { Waiting } from "@/components/Waiting";
import { useHotkeys } from "@/hooks/useHotkeys";
import { pageSize, useStudies } from "@/hooks/useStudies";

const keyGroups: KeyGroup[] = [
  {
    title: "Study list",
    keys: [
      { keys: ["↑", "↓"], does: "Choose a study" },
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

export function StudyList() {
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const [offset, setOffset] = useState(0);
  const [helpOpen, setHelpOpen] = useState(false);
  const { page, problem, stream, reload } = useStudies(text, offset);
  const search = useRef<HTMLInputElement>(null);
  const fileInput = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const timer = setTimeout(() => {
      setText(typed.trim());
      setOffset(0);
    }, typingPauseMs);
    return () => clearTimeout(timer);
  }, [typed]);

  const move = useCallback((step: number) => {
    const links = [...document.querySelectorAll<HTMLElement>("[data-study-link]")];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
    links[Math.max(0, Math.min(links.length - 1, next))]?.focus();
  }, []);

  const total = page?.total ?? 0;
  const newer = () => setOffset((at) => Math.max(0, at - pageSize));
  const older = () => setOffset((at) => (at + pageSize < total ? at + pageSize : at));

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
            <NodeStatus />
            <StreamDot state={stream} />
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
