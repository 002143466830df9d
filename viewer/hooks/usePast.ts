"use client";

import { useEffect, useState } from "react";
import { listFindings, listStudies } from "@/lib/api";
import { wholeList } from "@/lib/listAddress";
import type { PastStudy } from "@/lib/trend";
import type { StudyDetail } from "@/lib/types";

/** So many studies of one patient are compared; older ones are left out. */
const most = 20;

/** The findings of the patient's other studies, asked for once `wanted`; null until they are there. */
export function usePast(study: StudyDetail, wanted: boolean): PastStudy[] | null {
  const [past, setPast] = useState<PastStudy[] | null>(null);
  const { patient_id: patientId, study_instance_uid: own } = study;
  useEffect(() => {
    if (!wanted) return;
    const controller = new AbortController();
    const load = async () => {
      if (!patientId) return [];
      const asked = { ...wholeList, sort: "study_date" as const, limit: most, patientId };
      const { items } = await listStudies(asked, controller.signal);
      const others = items.filter((one) => one.study_instance_uid !== own && one.findings_count > 0);
      return Promise.all(
        others.map(async (other) => ({
          study: other,
          findings: await listFindings(other.study_instance_uid, controller.signal),
        })),
      );
    };
    load().then(setPast, () => {
      // A finding stands without its past; the page itself says where the node does not answer.
      if (!controller.signal.aborted) setPast([]);
    });
    return () => controller.abort();
  }, [wanted, patientId, own]);
  return past;
}
