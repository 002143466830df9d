"use client";

import { type FormEvent, useEffect, useState } from "react";
import { findStudies } from "@/features/admin/lib/storedStudiesApi";
import { trials } from "@/features/admin/lib/models/modelsApi";
import { TrialResult } from "@/features/admin/components/models/TrialResult";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { Answer, Field } from "@/shared/components/parts";
import { useAction } from "@/shared/hooks/useAction";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { dateText, moment, personName } from "@/shared/lib/format";
import type { Model, StudySummary } from "@/shared/api/types";

const shownStudies = 8;
const lookAgainMs = 1500;

/** Lets a worker try one version on a stored study, and shows what came of it. */
export function Trials({ model }: { model: Model }) {
  const { modelCards: t } = useText();
  const [typed, setTyped] = useState("");
  const [looked, setLooked] = useState("");
  const found = useFetched((signal) => findStudies(looked, shownStudies, 0, signal), looked);
  const listed = useFetched((signal) => trials.list(model.name, model.version, signal));
  const asking = useAction(listed.reload);
  const [shown, setShown] = useState("");
  const isOpen = (listed.value?.items ?? []).some(({ state }) => state === "waiting" || state === "running");
  const { reload } = listed;
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(reload, lookAgainMs);
    return () => clearInterval(timer);
  }, [isOpen, reload]);
  const look = (event: FormEvent) => {
    event.preventDefault();
    setLooked(typed.trim());
  };
  const ask = (study: StudySummary) =>
    void asking.run(async () => setShown((await trials.ask(model.name, model.version, study.study_instance_uid)).trial_id));
  return (
    <section className="mt-3 border-t border-line pt-3" aria-label={t.trialOf(model.name, model.version)} data-testid="trials">
      <p className="mb-2 text-dim">{t.trialWhat}</p>
      <form role="search" className="flex items-end gap-2" onSubmit={look}>
        <div className="flex-1">
          <Field label={t.findStudy} type="search" value={typed} onChange={(event) => setTyped(event.target.value)} />
        </div>
        <button type="submit" className="control mb-0.5">
          {t.find}
        </button>
      </form>
      <Answer fetched={found}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="mt-2 text-dim">{t.noStudies}</p>
          ) : (
            <ul className="mt-2 space-y-1">
              {items.map((study) => (
                <li key={study.study_instance_uid} className="flex items-center gap-2">
                  <button
                    type="button"
                    className="control px-2 py-0.5"
                    disabled={asking.busy}
                    aria-label={t.tryOn(studyText(study))}
                    onClick={() => ask(study)}
                  >
                    {t.try}
                  </button>
                  <span className="min-w-0 truncate">{studyText(study)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
      {asking.problem && <ProblemNote problem={asking.problem} />}
      <h3 className="mt-3 text-[0.8125rem] font-medium">{t.earlierTrials}</h3>
      <Answer fetched={listed}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="text-dim">{t.noTrials}</p>
          ) : (
            <ul className="space-y-1" data-testid="trial-list">
              {items.map((one) => (
                <li key={one.trial_id} data-state={one.state}>
                  <button
                    type="button"
                    className="text-left text-accent underline"
                    aria-expanded={shown === one.trial_id}
                    onClick={() => setShown(shown === one.trial_id ? "" : one.trial_id)}
                  >
                    {moment(one.asked_at)} · {one.asked_by}
                  </button>{" "}
                  <span role="status">{t.trialStates[one.state]}</span>{" "}
                  <button
                    type="button"
                    className="control px-2 py-0.5"
                    aria-label={`${t.discard}: ${moment(one.asked_at)}`}
                    disabled={asking.busy}
                    onClick={() => void asking.run(() => Promise.resolve(trials.discard(one.trial_id)))}
                  >
                    {t.discard}
                  </button>
                  {shown === one.trial_id && <TrialResult key={one.state} trial={one} />}
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </section>
  );
}

function studyText(study: StudySummary): string {
  const parts = [
    personName(study.patient_name),
    study.patient_id,
    dateText(study.study_date),
    study.modalities.join("/"),
    study.study_description,
  ];
  return parts.filter(Boolean).join(" · ");
}
