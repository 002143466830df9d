"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useCallback, useEffect, useRef, useState } from "react";
import { Brand } from "@/shared/components/Brand";
import { KeyHelp } from "@/shared/components/KeyHelp";
import { NodeStatus } from "@/shared/components/NodeStatus";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { SignedIn } from "@/shared/components/SignedIn";
import { StreamDot } from "@/shared/components/StreamDot";
import { UploadArea } from "@/features/uploads/components/UploadArea";
import { Waiting } from "@/shared/components/Waiting";
import { EmptyNode } from "@/features/studies/components/EmptyNode";
import { FilterBar } from "@/features/studies/components/FilterBar";
import { listKeys } from "@/features/studies/lib/listKeyHelp";
import { Paging } from "@/features/studies/components/Paging";
import { SearchField } from "@/features/studies/components/SearchField";
import { StudyListTable } from "@/features/studies/components/StudyListTable";
import { useHotkeys } from "@/shared/hooks/useHotkeys";
import { useListQuery } from "@/features/studies/hooks/useListQuery";
import { useText } from "@/shared/hooks/useText";
import { useWarmReader } from "@/features/reader/hooks/useWarmReader";
import { keepQueue } from "@/shared/lib/studyQueue";
import { isFiltered, listAddress, listParameters, readListQuery } from "@/shared/lib/listAddress";
import { pageSize, useStudies } from "@/features/studies/hooks/useStudies";

export function StudyList() {
  const { common, search: meaning, studyList: t } = useText();
  const router = useRouter();
  const [query, show] = useListQuery();
  const searchAddress = query.text ? `/search/?${new URLSearchParams({ q: query.text })}` : "/search/";
  const asked = String(listParameters(query));
  const { offset } = query;
  const [helpOpen, setHelpOpen] = useState(false);
  const { page, problem, stream, reload } = useStudies(asked);
  const search = useRef<HTMLInputElement>(null);
  const fileInput = useRef<HTMLInputElement>(null);
  useWarmReader();

  useEffect(() => {
    document.title = `${common.studies} · MediViewAI`;
  }, [common]);

  // The reader remembers where to return to.
  useEffect(() => void listAddress(readListQuery(new URLSearchParams(asked))), [asked]);

  // The reader goes on to the next study without coming back.
  useEffect(() => {
    if (!page) return;
    const uids = page.items.map((study) => study.study_instance_uid);
    keepQueue({ asked, offset: page.offset, uids, total: page.total });
  }, [page, asked]);

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
  const turnTo = (next: number) => {
    if (next >= 0 && next < total && next !== offset) show({ ...query, offset: next });
  };

  useHotkeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    Home: () => move(-pageSize * 2),
    End: () => move(pageSize * 2),
    "/": () => search.current?.focus(),
    s: () => router.push(searchAddress),
    f: () => document.querySelector<HTMLElement>("[data-testid=filter-modality] summary")?.focus(),
    "[": () => turnTo(Math.max(0, offset - pageSize)),
    "]": () => turnTo(offset + pageSize),
    u: () => fileInput.current?.click(),
    "?": () => setHelpOpen(true),
    Escape: () => search.current?.blur(),
  });

  return (
    <UploadArea onDone={reload} inputRef={fileInput}>
      {(uploadButton) => (
        <div className="mx-auto flex min-h-dvh max-w-[120rem] flex-col px-5">
          <header className="flex flex-wrap items-center gap-x-3 gap-y-3 py-3">
            <Brand />
            <SearchField
              inputRef={search}
              text={query.text}
              onText={(text) => show({ ...query, text, offset: 0 })}
              onDown={() => move(1)}
            />
            <Link href={searchAddress} prefetch={false} className="control" title={meaning.openHint}>
              {meaning.open}
            </Link>
            {uploadButton}
            <NodeStatus stream={stream} />
            <StreamDot state={stream} />
            <SignedIn />
            <button
              type="button"
              className="control"
              aria-label={common.keys}
              title={`${common.keys} (?)`}
              onClick={() => setHelpOpen(true)}
            >
              ?
            </button>
          </header>
          <main className="flex-1 pb-10">
            <h1 className="sr-only">{common.studies}</h1>
            <FilterBar query={query} studies={page?.items ?? []} onQuery={show} />
            {problem && <ProblemNote problem={problem} onRetry={reload} />}
            {!page && !problem && <Waiting text={t.reading} />}
            {page && page.items.length === 0 && <EmptyNode text={query.text} filtered={isFiltered(query)} />}
            {page && page.items.length > 0 && (
              <>
                <StudyListTable studies={page.items} query={query} onQuery={show} />
                <Paging
                  offset={offset}
                  shown={page.items.length}
                  total={page.total}
                  size={pageSize}
                  onOffset={turnTo}
                />
              </>
            )}
          </main>
          {helpOpen && <KeyHelp groups={listKeys()} onClose={() => setHelpOpen(false)} />}
        </div>
      )}
    </UploadArea>
  );
}
