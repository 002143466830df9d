"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import { Answer } from "@/shared/components/parts";
import { Opening } from "@/shared/components/Opening";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { dateText, personName } from "@/shared/lib/format";
import { listStudiesOfOrder } from "@/features/reader/lib/api";
import { imageModalities } from "@/features/studies/lib/studyListColumns";
import type { StudySummary } from "@/shared/api/types";

/** Opens the study of an accession number, as a RIS asks for it; of several, a person chooses. */
export function StudyOfOrder({ accessionNumber }: { accessionNumber: string }) {
  const fetched = useFetched((signal) => listStudiesOfOrder(accessionNumber, signal), accessionNumber);
  const { viewing: t } = useText();
  return (
    <Answer fetched={fetched}>
      {(studies) => <StudyChoice studies={studies} title={t.ofOrder(studies.length, accessionNumber)} none={t.noneOfOrder} />}
    </Answer>
  );
}

/** The studies that an address may mean: the only one opens by itself. */
export function StudyChoice({
  studies,
  title,
  none,
  warning = "",
}: {
  studies: readonly StudySummary[];
  title: string;
  /** What may be the reason that there is none. */
  none: string;
  warning?: string;
}) {
  const { common } = useText();
  const router = useRouter();
  const only = studies.length === 1 ? studies[0]?.study_instance_uid : undefined;
  useEffect(() => {
    if (only) router.replace(`/study/?study=${only}`);
  }, [only, router]);
  if (only) return <Opening />;
  return (
    <main className="mx-auto max-w-2xl space-y-4 p-10" data-testid="studies-of-order">
      <h1 className="text-lg font-semibold">{title}</h1>
      {studies.length === 0 && <p className="text-dim">{none}</p>}
      {warning && (
        <p role="alert" className="text-warn" data-testid="several-persons">
          {warning}
        </p>
      )}
      <ul className="space-y-1">
        {studies.map((study) => (
          <li key={study.study_instance_uid}>
            <Link
              href={`/study/?study=${study.study_instance_uid}`}
              prefetch={false}
              className="flex gap-4 rounded-md px-2 py-1.5 hover:bg-raised"
            >
              <span className="font-medium text-accent">{dateText(study.study_date) || common.unknown}</span>
              <span>{imageModalities(study.modalities).join(", ")}</span>
              <span className="min-w-0 flex-1 truncate">{study.study_description}</span>
              <span className="truncate text-dim">
                {personName(study.patient_name)}
                {study.patient_birth_date && ` · ${dateText(study.patient_birth_date)}`}
              </span>
            </Link>
          </li>
        ))}
      </ul>
      <Link href="/" prefetch={false} className="control inline-block">
        {common.studies}
      </Link>
    </main>
  );
}
