"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback, useEffect, useRef, useState } from "react";
import { getStudy } from "@/shared/api/api";
import { getSession } from "@/shared/api/session";
import { listStudiesOfOrder } from "@/features/reader/lib/api";
import { isOfPatient, opensStudy, studyOf, syncErrorOf, type CastEvent, type NamedStudy } from "@/features/fhircast/lib/castEvent";
import { announceStudy, followTopic, ownTopic } from "@/features/fhircast/lib/hubChannel";

/** What another system did, for the person to see. */
export type CastNotice =
  | { kind: "opened"; address: string; back: string }
  | { kind: "absent" }
  | { kind: "otherPatient" }
  | { kind: "syncError"; stated: string };

const signInPage = "/sign-in";
const lockName = "mediview-fhircast";

/**
 * Tells the other systems of a person which study is open here, and opens the study that they open. Of
 * several pages of one browser one follows: the first.
 */
export function useFhircast(): { notice: CastNotice | null; dismiss: () => void } {
  const router = useRouter();
  const pathname = usePathname();
  const shown = useSearchParams().get("study") ?? "";
  const study = pathname.startsWith("/study") ? shown : "";
  const isSignIn = pathname.startsWith(signInPage);
  const [topic, setTopic] = useState("");
  const [notice, setNotice] = useState<CastNotice | null>(null);
  const dismiss = useCallback(() => setNotice(null), []);
  const announced = useRef("");

  useEffect(() => {
    if (isSignIn) return;
    // A page works without it, and has stated already where the node does not answer.
    getSession()
      .then(({ signed_in }) => (signed_in ? ownTopic() : ""))
      .then(setTopic, () => undefined);
  }, [isSignIn]);

  useEffect(() => {
    // An accession number is being looked up: a study follows.
    const isOnItsWay = pathname.startsWith("/study") && !study;
    if (!topic || isOnItsWay || announced.current === study) return;
    const before = announced.current;
    announced.current = study;
    const change = study ? announceStudy(study, "open") : announceStudy(before, "close");
    change.catch(() => undefined);
  }, [topic, study, pathname]);

  useEffect(() => {
    if (!topic) return;
    const follow = async (event: CastEvent): Promise<number> => {
      const stated = syncErrorOf(event);
      if (stated) setNotice({ kind: "syncError", stated });
      const named = opensStudy(event) ? studyOf(event) : null;
      if (!named) return 200;
      const found = await addressOf(named);
      if (found === "absent" || found === "otherPatient") {
        setNotice({ kind: found });
        return 404;
      }
      const { address } = found;
      const { pathname: at, search } = window.location;
      const target = new URLSearchParams(address.split("?")[1]).get("study") ?? "";
      // The address of an open study says how it is shown, too.
      if (target && at.startsWith("/study") && new URLSearchParams(search).get("study") === target) return 200;
      setNotice({ kind: "opened", address, back: `${at}${search}` });
      // Who follows announces nothing: by then the others may have gone on.
      announced.current = target || announced.current;
      router.push(address);
      return 200;
    };
    return holdingLock(() => followTopic(topic, follow));
  }, [topic, router]);

  return { notice, dismiss };
}

/** Where the study is shown. Absent: this node has it not, or not for this person. */
async function addressOf({ studyInstanceUid, accessionNumber, patient }: NamedStudy): Promise<{ address: string } | "absent" | "otherPatient"> {
  if (studyInstanceUid) {
    try {
      await getStudy(studyInstanceUid);
      return { address: `/study/?study=${studyInstanceUid}` };
    } catch {
      // Another copy of it may have another UID here.
    }
  }
  const found = accessionNumber ? await listStudiesOfOrder(accessionNumber) : [];
  if (found.length === 0) return "absent";
  const [first, ...others] = found.filter((one) => isOfPatient(patient, one));
  if (!first) return "otherPatient";
  // Of several, a person chooses.
  return { address: others.length ? `/study/?accession=${encodeURIComponent(accessionNumber)}` : `/study/?study=${first.study_instance_uid}` };
}

/** Runs `start` in one page of the browser, and in the next when that one is closed; returns what ends it. */
function holdingLock(start: () => () => void): () => void {
  let stop: (() => void) | null = null;
  const gone = new AbortController();
  // Browsers give locks to pages of safe origins alone.
  if (!navigator.locks) return start();
  const whileHeld = () =>
    new Promise<void>((release) => {
      const running = start();
      stop = () => {
        running();
        release();
      };
    });
  navigator.locks.request(lockName, { signal: gone.signal }, whileHeld).catch(() => undefined);
  return () => {
    gone.abort();
    stop?.();
  };
}
