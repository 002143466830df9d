"use client";

import { Answer } from "@/shared/components/parts";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { StudyChoice } from "@/features/reader/components/StudyOfOrder";
import { areOfSeveralPersons, listStudiesOfPatient } from "@/features/reader/lib/studies/patientStudies";

/** The studies of a patient, as another system asks for them; the only one opens by itself. */
export function StudiesOfPatient({ patientId, issuer }: { patientId: string; issuer: string }) {
  const { viewing } = useText();
  const { ofPatient: t } = viewing;
  const fetched = useFetched((signal) => listStudiesOfPatient(patientId, issuer, signal), `${patientId}\n${issuer}`);
  return (
    <Answer fetched={fetched}>
      {(studies) => (
        <StudyChoice
          studies={studies}
          title={t.title(studies.length, patientId, issuer)}
          none={t.none}
          warning={areOfSeveralPersons(studies) ? t.severalPersons : ""}
        />
      )}
    </Answer>
  );
}
