"use client";

import { useEffect, useState } from "react";
import { getStudy } from "@/lib/api";
import { listStudiesOf } from "@/lib/reading/api";
import { isPriorOf } from "@/lib/reading/hanging";
import type { StudyDetail } from "@/lib/types";

/** How many other studies of the patient are read in full: enough to compare with. */
const mostPriors = 8;

export interface Priors {
  priors: StudyDetail[];
  /** True once it is known which there are. */
  settled: boolean;
}

/** The other studies of the patient, the newest first. */
export function usePriors(study: StudyDetail | null): Priors {
  const [state, setState] = useState<Priors>({ priors: [], settled: false });
  const uid = study?.study_instance_uid;
  const patientId = study?.patient_id ?? "";

  useEffect(() => {
    if (!study) return;
    const controller = new AbortController();
    const { signal } = controller;
    const load = async (): Promise<StudyDetail[]> => {
      if (!patientId) return [];
      const others = (await listStudiesOf(patientId, signal)).filter((one) => isPriorOf(one, study));
      return Promise.all(
        others.slice(0, mostPriors).map((one) => getStudy(one.study_instance_uid, signal)),
      );
    };
    load().then(
      (priors) => !signal.aborted && setState({ priors, settled: true }),
      // Without its priors a study can be read all the same.
      () => !signal.aborted && setState({ priors: [], settled: true }),
    );
    return () => controller.abort();
    // Who the patient is does not change while the study grows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [uid, patientId]);

  return state;
}
