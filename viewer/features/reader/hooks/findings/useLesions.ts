"use client";

import { useCallback, useEffect, useState } from "react";
import { listLesions } from "@/shared/api/api";
import type { LesionCourse } from "@/shared/api/types";

/** The patient's lesions over the studies. */
export function useLesions(studyInstanceUid: string): { courses: LesionCourse[]; reload: () => void } {
  const [courses, setCourses] = useState<LesionCourse[]>([]);
  const [count, setCount] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    listLesions(studyInstanceUid, controller.signal).then(setCourses, () => {
      // Findings stand without their past; the page itself says where the node does not answer.
      if (!controller.signal.aborted) setCourses([]);
    });
    return () => controller.abort();
  }, [studyInstanceUid, count]);
  return { courses, reload: useCallback(() => setCount((now) => now + 1), []) };
}
