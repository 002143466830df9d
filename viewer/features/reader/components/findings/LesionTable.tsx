"use client";

import { useEffect, useRef } from "react";
import { LesionCorrection } from "@/features/reader/components/findings/LesionCorrection";
import { useText } from "@/shared/hooks/useText";
import { findingValue, momentText, number } from "@/shared/lib/format";
import { fateOf, isMeasuredByReaders, lastSeen, lesionRows } from "@/features/reader/lib/findings/lesions";
import type { Lesion, LesionCourse } from "@/shared/api/types";

/** Long axes of a patient's lesions over the studies, and the sum of the targets. */
export function LesionTable({ course, onChanged }: { course: LesionCourse; onChanged: () => void }) {
  const { reader: t } = useText();
  const scrolled = useRef<HTMLDivElement>(null);
  const count = course.visits.length;
  useEffect(() => {
    // Where not all studies fit, the current one, which is the last, is the one to see.
    const box = scrolled.current;
    if (box) box.scrollLeft = box.scrollWidth;
  }, [count]);
  if (count < 2) return null;
  const fates: Record<string, string> = t.lesions.fates;
  const title = isMeasuredByReaders(course) ? t.lesions.measured : t.lesions.title;
  const targets = new Set(course.recist.target_tracking_uids);
  const times = new Map(course.visits.map((one) => [one.study_instance_uid, one.study_time]));
  const sums = new Map(course.recist.responses.map((one) => [one.study_instance_uid, one]));
  return (
    <div data-testid="lesions" className="mt-4 text-[0.8125rem]">
      <div ref={scrolled} tabIndex={0} role="group" aria-label={title} className="overflow-x-auto">
        <table className="w-full border-collapse text-right" aria-label={title}>
          <thead className="text-xs text-dim">
            <tr className="align-bottom">
              <th scope="col" className="sticky left-0 bg-panel pb-1 text-left font-normal">
                {title}
              </th>
              {course.visits.map((visit) => (
                <th key={visit.study_instance_uid} scope="col" className="pb-1 pl-2 font-normal whitespace-nowrap">
                  {momentText(visit.study_date, visit.study_time)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lesionRows(course).map((row) => {
              const seen = lastSeen(course, row);
              return (
                <tr key={row.trackingUid} data-testid="lesion" className="border-t border-line align-top">
                  <th scope="row" className="sticky left-0 bg-panel py-1 text-left font-normal">
                    <span lang="en">{row.label}</span>
                    {seen && <Note>{t.lesions.lastSeen(momentText(seen.study_date, seen.study_time))}</Note>}
                    {targets.has(row.trackingUid) && <Note>{t.lesions.target}</Note>}
                  </th>
                  {row.cells.map((lesion, place) => (
                    <td key={course.visits[place]?.study_instance_uid} className="py-1 pl-2">
                      {lesion && <Diameter lesion={lesion} />}
                      <Note>{fates[fateOf(course, row, place)]}</Note>
                      <Note>{lesion?.match?.decided_by}</Note>
                    </td>
                  ))}
                </tr>
              );
            })}
            {sums.size > 0 && (
              <tr data-testid="lesion-sum" className="border-t border-line align-top">
                <th scope="row" className="sticky left-0 bg-panel py-1 text-left font-semibold">
                  {t.lesions.sum}
                </th>
                {course.visits.map((visit) => {
                  const sum = sums.get(visit.study_instance_uid);
                  const change = sum?.change_from_baseline_percent;
                  return (
                    <td key={visit.study_instance_uid} className="py-1 pl-2">
                      {typeof sum?.sum === "number" && <span className="font-semibold">{findingValue(sum.sum, "mm")}</span>}
                      {typeof change === "number" && <Note>{`${change > 0 ? "+" : ""}${number(change)} %`}</Note>}
                      {sum && sum.category !== "baseline" && <Note>{sum.category}</Note>}
                    </td>
                  );
                })}
              </tr>
            )}
          </tbody>
        </table>
      </div>
      {course.recist.responses.map(
        (one) =>
          (one.category === "NE" || one.category === "PD") && (
            <p key={one.study_instance_uid} className="mt-1 text-xs text-dim">
              {momentText(one.study_date, times.get(one.study_instance_uid))}: {one.category}. {one.reasons.map((reason) => t.lesions.reasons[reason]).join(" ")}
            </p>
          ),
      )}
      <p className="mt-1 text-xs text-dim">{t.lesions.caveat}</p>
      <LesionCorrection course={course} onChanged={onChanged} />
    </div>
  );
}

function Diameter({ lesion }: { lesion: Lesion }) {
  const { reader: t, viewing } = useText();
  const words = lesion.caveat_codes.map((one) => viewing.caveats[one]).join("; ");
  return (
    <span className={lesion.is_truncated ? "text-warn" : "font-semibold"}>
      {lesion.long_axis_mm === null ? t.lesions.rejected : findingValue(lesion.long_axis_mm, "mm")}
      {lesion.is_node && lesion.short_axis_mm !== null && (
        <Note>{t.lesions.shortAxis(findingValue(lesion.short_axis_mm, "mm"))}</Note>
      )}
      {lesion.caveat && (
        <span className="block text-xs font-normal text-warn" data-testid="lesion-caveat" lang={words ? undefined : "en"}>
          {words || lesion.caveat}
        </span>
      )}
      {lesion.is_truncated && <span className="block text-xs font-normal">{t.truncated}</span>}
    </span>
  );
}

function Note({ children }: { children?: string }) {
  return children ? <span className="block text-xs font-normal text-dim">{children}</span> : null;
}
