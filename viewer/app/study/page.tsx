"use client";

import dynamic from "next/dynamic";
import { useSearchParams } from "next/navigation";
import { Suspense, useState } from "react";
import { Opening } from "@/shared/components/Opening";
import { askEarly } from "@/features/reader/lib/early";

// The name makes it one piece with what the list fetches (useWarmReader): left to itself the bundler
// leaves out what either page has already, and the study waits for the rest.
const readerCode = () => import(/* webpackChunkName: "reader" */ "@/features/reader/components/Reader");

// Cornerstone needs a browser: its window, its workers, its WebGL.
const Reader = dynamic(() => readerCode().then((room) => room.Reader), {
  ssr: false,
  loading: () => <Opening />,
});

// Who opens the page itself need not wait until React has taken it over.
if (typeof window !== "undefined" && location.pathname.startsWith("/study")) {
  askEarly(new URLSearchParams(location.search).get("study") ?? "");
  readerCode().catch(() => undefined);
}

function StudyOfAddress() {
  const studyInstanceUid = useSearchParams().get("study") ?? "";
  useState(() => askEarly(studyInstanceUid));
  return <Reader key={studyInstanceUid} studyInstanceUid={studyInstanceUid} />;
}

export default function StudyPage() {
  return (
    <Suspense fallback={<Opening />}>
      <StudyOfAddress />
    </Suspense>
  );
}
