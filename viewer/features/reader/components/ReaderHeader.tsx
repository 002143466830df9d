import Link from "next/link";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { Badge } from "@/shared/components/Badge";
import { SignedIn } from "@/shared/components/SignedIn";
import { StreamDot } from "@/shared/components/StreamDot";
import { mayLeave } from "@/shared/hooks/usePageLeave";
import { useText } from "@/shared/hooks/useText";
import type { Place } from "@/shared/lib/studyQueue";
import type { StreamState } from "@/shared/api/api";
import { ageAt, dateText, personName, sexLetter } from "@/shared/lib/format";
import { studyStateText } from "@/shared/lib/reasons";
import { studyBadge } from "@/shared/lib/state";
import type { StudyDetail } from "@/shared/api/types";

export function ReaderHeader({
  study,
  back,
  place,
  onGoTo,
  stream,
  onShare,
  onHelp,
}: {
  study: StudyDetail | null;
  /** The address of the list, at this study. */
  back: string;
  /** Where it stands in the list that it was opened from; null without one. */
  place: Place | null;
  onGoTo: (studyInstanceUid: string | null) => void;
  stream: StreamState;
  /** Null while there is nothing to share. */
  onShare: (() => void) | null;
  onHelp: () => void;
}) {
  const { common, viewing: t } = useText();
  const titles = usePipelineTitles();
  const badge = study ? studyBadge(study.state) : null;
  return (
    <header className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line bg-panel px-3 py-2">
      <Link
        href={back}
        prefetch={false}
        className="control"
        title={t.backToList}
        onClick={(event) => mayLeave(t.leaveUnsaved) || event.preventDefault()}
      >
        <span aria-hidden="true">← </span>
        {common.studies}
      </Link>
      {place && (
        <nav aria-label={t.studyQueue} className="flex items-center gap-1.5 text-xs text-dim">
          <button
            type="button"
            className="control px-2"
            data-testid="previous-study"
            aria-label={t.previousStudy}
            title={`${t.previousStudy} (${t.previousStudyKey})`}
            disabled={place.previous === null}
            onClick={() => onGoTo(place.previous)}
          >
            <span aria-hidden="true">‹</span>
          </button>
          <span data-testid="study-place">{t.placeInList(place.number, place.total)}</span>
          <button
            type="button"
            className="control px-2"
            data-testid="next-study"
            aria-label={t.nextStudy}
            title={`${t.nextStudy} (${t.nextStudyKey})`}
            disabled={place.next === null}
            onClick={() => onGoTo(place.next)}
          >
            <span aria-hidden="true">›</span>
          </button>
        </nav>
      )}
      {study && (
        <>
          <h1
            className="max-w-[min(40rem,60vw)] truncate text-base font-semibold"
            title={personName(study.patient_name)}
            data-testid="patient-name"
          >
            {personName(study.patient_name)}
          </h1>
          <p className="flex flex-wrap gap-x-3 text-dim">
            <span className="max-w-56 truncate" title={study.patient_id}>
              {t.patientId(study.patient_id)}
            </span>
            {study.patient_birth_date && (
              <span>
                {t.born(dateText(study.patient_birth_date))}
                {[sexLetter(study.patient_sex), ageAt(study.patient_birth_date, study.study_date)]
                  .filter(Boolean)
                  .map((words) => `, ${words}`)
                  .join("")}
              </span>
            )}
            <span>{dateText(study.study_date) || t.noStudyDate}</span>
            <span className="max-w-96 truncate">{study.study_description}</span>
          </p>
          {study.patient_notices.some((one) => one.code === "different_patient_names") && (
            <p className="text-xs text-warn" data-testid="different-patient-names">
              {t.differentNames}
            </p>
          )}
          {badge && <Badge word={badge.word} tone={badge.tone} title={titles.within(studyStateText(study), study.jobs.map((job) => job.pipeline))} testId="study-state" />}
        </>
      )}
      <span className="ml-auto flex items-center gap-3">
        <StreamDot state={stream} />
        {onShare && (
          <button type="button" className="control" data-testid="share-view" title={t.sharing.title} onClick={onShare}>
            {t.sharing.button}
          </button>
        )}
        <SignedIn />
        <button type="button" className="control" aria-label={common.keys} title={t.keysHint} data-tour="help" onClick={onHelp}>
          ?
        </button>
      </span>
    </header>
  );
}
