"use client";

import dynamic from "next/dynamic";
import { useSearchParams } from "next/navigation";
import { Suspense, useState } from "react";
import { Opening } from "@/shared/components/Opening";
import { OpenedView } from "@/features/reader/components/sharing/OpenedView";
import { StudiesOfPatient } from "@/features/reader/components/StudiesOfPatient";
import { StudyOfOrder } from "@/features/reader/components/StudyOfOrder";
import { askEarly } from "@/features/reader/lib/preload";

// The name makes it one piece with what the list fetches (useWarmReader): left to itself the bundler
// leaves out what either page has already, and the study waits for the rest.
// The build makes the pages without a browser: what is left out there is compiled once, not twice.
const readerCode = () =>
  typeof window === "undefined"
    ? new Promise<never>(() => undefined)
    : import(/* webpackChunkName: "reader" */ "@/features/reader/components/Reader");

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
  const parameters = useSearchParams();
  const accessionNumber = parameters.get("accession") ?? "";
  const studyInstanceUid = parameters.get("study") ?? "";
  const shared = parameters.get("shared") ?? "";
  if (!studyInstanceUid && shared) return <OpenedView id={shared} />;
  if (!studyInstanceUid && accessionNumber) return <StudyOfOrder accessionNumber={accessionNumber} />;
  const patientId = parameters.get("patient") ?? "";
  if (!studyInstanceUid && patientId) return <StudiesOfPatient patientId={patientId} issuer={parameters.get("issuer") ?? ""} />;
  return <StudyOfUid studyInstanceUid={studyInstanceUid} />;
}

function StudyOfUid({ studyInstanceUid }: { studyInstanceUid: string }) {
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
