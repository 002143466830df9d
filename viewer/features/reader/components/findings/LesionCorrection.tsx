"use client";

import { type FormEvent, useState } from "react";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { correctLesionMatch } from "@/shared/api/api";
import { momentText } from "@/shared/lib/format";
import { earlierLesions } from "@/features/reader/lib/findings/lesions";
import type { LesionCourse } from "@/shared/api/types";

const field = "mt-0.5 w-full rounded border border-line-strong bg-ground px-2 py-1 text-ink";

/** What a lesion of the last study was before, as a radiologist sees it. */
export function LesionCorrection({ course, onChanged }: { course: LesionCourse; onChanged: () => void }) {
  const { reader: t, common } = useText();
  const lesions = course.visits.at(-1)?.lesions ?? [];
  const [chosen, setChosen] = useState("");
  const [earlier, setEarlier] = useState("");
  const [reason, setReason] = useState("");
  const action = useAction(onChanged);
  const lesion = chosen || (lesions[0]?.lesion_id ?? "");
  if (lesions.length === 0) return null;
  const correct = async (event: FormEvent) => {
    event.preventDefault();
    const taken = await action.run(() => correctLesionMatch(lesion, { earlier_lesion_id: earlier, reason }));
    if (taken) setReason("");
  };
  return (
    <details className="mt-2">
      <summary className="rounded text-dim">{t.lesions.correct}</summary>
      <form data-testid="lesion-correction" className="mt-2 space-y-2 text-xs text-dim" onSubmit={(event) => void correct(event)}>
        <label className="block">
          {t.lesions.lesion}
          <select className={field} value={lesion} onChange={(event) => setChosen(event.target.value)}>
            {lesions.map((one) => (
              <option key={one.lesion_id} value={one.lesion_id} lang="en">
                {one.label}
              </option>
            ))}
          </select>
        </label>
        <label className="block">
          {t.lesions.was}
          <select className={field} value={earlier} onChange={(event) => setEarlier(event.target.value)}>
            <option value="">{t.lesions.isNew}</option>
            {earlierLesions(course).map(({ lesion: one, visit }) => (
              <option key={one.lesion_id} value={one.lesion_id}>
                {`${one.label} ${t.lesions.lastSeen(momentText(visit.study_date, visit.study_time))}`}
              </option>
            ))}
          </select>
        </label>
        <label className="block">
          {t.lesions.reason}
          <input className={field} value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
        </label>
        <button type="submit" className="control" disabled={action.busy}>
          {common.save}
        </button>
        {action.problem && <ProblemNote problem={action.problem} />}
      </form>
    </details>
  );
}
