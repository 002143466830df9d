"use client";

import dynamic from "next/dynamic";
import { useSearchParams } from "next/navigation";
import { Suspense, useState } from "react";
import { Opening } from "@/components/Opening";
import { askEarly } from "@/lib/early";

// Cornerstone needs a browser: its window, its workers, its WebGL.
const Reader = dynamic(() => import("@/components/reader/Reader").then((room) => room.Reader), {
  ssr: false,
  loading: () => <Opening />,
});

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
