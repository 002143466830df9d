"use client";

import { useEffect, useState } from "react";
import { getStudy } from "@/shared/api/api";
import { listStudiesOf } from "@/features/reader/lib/api";
import { isSamePerson, momentOf, nearestOthers } from "@/features/reader/lib/studies/otherStudies";
import type { StudyDetail } from "@/shared/api/types";

/** How many other studies of the patient are read in full: enough to compare with. */
const mostOthers = 8;

export interface OtherStudies {
  /** Earlier and later ones, the newest first. */
  others: StudyDetail[];
  /** Studies under the same patient ID that are of another person by name, birth date or sex. */
  otherPersons: number;
  /** True once it is known which there are. */
  settled: boolean;
}

const none: OtherStudies = { others: [], otherPersons: 0, settled: false };

/** The other studies of the patient. */
export function useOtherStudies(study: StudyDetail | null): OtherStudies {
  const [state, setState] = useState<OtherStudies>(none);
  const uid = study?.study_instance_uid;
  const patientId = study?.patient_id ?? "";

  useEffect(() => {
    if (!study) return;
    const controller = new AbortController();
    const { signal } = controller;
    const load = async (): Promise<OtherStudies> => {
      if (!patientId) return { ...none, settled: true };
      const listed = (await listStudiesOf(patientId, signal)).filter((one) => one.study_instance_uid !== uid);
      const own = nearestOthers(listed.filter((one) => isSamePerson(one, study)), study, mostOthers);
      const read = await Promise.all(own.map((one) => getStudy(one.study_instance_uid, signal)));
      return {
        others: read.sort((a, b) => momentOf(b).localeCompare(momentOf(a))),
        otherPersons: listed.filter((one) => !isSamePerson(one, study)).length,
        settled: true,
      };
    };
    load().then(
      (found) => !signal.aborted && setState(found),
      // Without the others a study can be read all the same.
      () => !signal.aborted && setState({ ...none, settled: true }),
    );
    return () => controller.abort();
    // Who the patient is does not change while the study grows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [uid, patientId]);

  return state;
}
