"use client";

import dynamic from "next/dynamic";
import { useSearchParams } from "next/navigation";
import { Suspense, useState } from "react";
import { Waiting } from "@/components/Waiting";
import { askEarly } from "@/lib/early";

// Cornerstone needs a browser: its window, its workers, its WebGL.
const Reader = dynamic(() => import("@/components/reader/Reader").then((room) => room.Reader), {
  ssr: false,
  loading: () => <Waiting text="Opening the reader" />,
});

function StudyOfAddress() {
  const studyInstanceUid = useSearchParams().get("study") ?? "";
  useState(() => askEarly(studyInstanceUid));
  return <Reader key={studyInstanceUid} studyInstanceUid={studyInstanceUid} />;
}

export default function StudyPage() {
  return (
    <Suspense fallback={<Waiting text="Opening the reader" />}>
      <StudyOfAddress />
    </Suspense>
  );
}
