"use client";

import { useEffect, useState } from "react";
import { listLesions } from "@/shared/api/api";
import type { LesionCourse } from "@/shared/api/types";

/** The patient's lesions over the studies, once `wanted`. */
export function useLesions(studyInstanceUid: string, wanted: boolean): LesionCourse[] {
  const [courses, setCourses] = useState<LesionCourse[]>([]);
  useEffect(() => {
    if (!wanted) return;
    const controller = new AbortController();
    listLesions(studyInstanceUid, controller.signal).then(setCourses, () => {
      // Findings stand without their past; the page itself says where the node does not answer.
      if (!controller.signal.aborted) setCourses([]);
    });
    return () => controller.abort();
  }, [wanted, studyInstanceUid]);
  return courses;
}
