"use client";

import { useEffect, useState } from "react";
import { Section } from "@/features/reader/components/Section";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { fetchElsewhere, getElsewhere, listElsewhere } from "@/shared/api/api";
import { dateText } from "@/shared/lib/format";
import type { ElsewhereStudy, Prior } from "@/shared/api/types";

const PROGRESS_EVERY_MS = 2000;

/** What other archives have of the patient that is not here. Nothing where no archive has any. */
export function OtherArchives({ study, onFetched }: { study: string; onFetched: () => void }) {
  const { reader: t } = useText();
  const fetched = useFetched((signal) => listElsewhere(study, signal), study);
  const found = fetched.value;
  if (!found || (found.items.length === 0 && found.failures.length === 0)) return null;
  return (
    <Section title={t.elsewhere}>
      <ul className="space-y-2.5">
        {found.items.map((one) => (
          <StudyInArchive key={one.study_instance_uid} study={study} elsewhere={one} onFetched={onFetched} />
        ))}
      </ul>
      {found.failures.map((failure) => (
        <p key={failure.source} className="mt-2 text-warn">
          {t.archiveNotAsked(failure.source)} {failure.sentence}
        </p>
      ))}
    </Section>
  );
}

function StudyInArchive({
  study,
  elsewhere,
  onFetched,
}: {
  study: string;
  elsewhere: ElsewhereStudy;
  onFetched: () => void;
}) {
  const { reader: t } = useText();
  const prior = elsewhere.study_instance_uid;
  const [fetched, setFetched] = useState<Prior | null>(elsewhere.fetch);
  const action = useAction(() => {});
  const isComing = fetched?.state === "pending" || fetched?.state === "running";
  useEffect(() => {
    if (!isComing) return;
    const controller = new AbortController();
    const timer = setInterval(() => {
      getElsewhere(study, prior, controller.signal).then(
        (now) => {
          setFetched(now);
          if (now.state === "done") onFetched();
        },
        // The next question may be answered.
        () => {},
      );
    }, PROGRESS_EVERY_MS);
    return () => {
      controller.abort();
      clearInterval(timer);
    };
  }, [isComing, study, prior, onFetched]);
  const words = [elsewhere.modalities.join(", "), elsewhere.study_description, dateText(elsewhere.study_date)];
  return (
    <li data-testid="elsewhere">
      <div className="flex items-baseline justify-between gap-3">
        <span className="font-medium">{words.filter(Boolean).join(" ")}</span>
        {!isComing && fetched?.state !== "done" && (
          <button
            type="button"
            className="control"
            disabled={action.busy}
            aria-label={t.fetchStudy(words.filter(Boolean).join(" "))}
            onClick={() => void action.run(async () => setFetched(await fetchElsewhere(study, prior, elsewhere.source)))}
          >
            {t.fetch}
          </button>
        )}
      </div>
      <p className="text-xs text-dim">{t.atArchive(elsewhere.source)}</p>
      <p role="status" className="text-xs text-dim empty:hidden">
        {fetched && t.fetchStates[fetched.state](fetched.instances, fetched.instances_total)}
      </p>
      {fetched?.last_error && fetched.state !== "done" && <p className="mt-0.5 text-warn">{fetched.last_error}</p>}
      {action.problem && <ProblemNote problem={action.problem} />}
    </li>
  );
}
