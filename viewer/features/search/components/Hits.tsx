import Link from "next/link";
import { useText } from "@/shared/hooks/useText";
import { dateText, personName, withPrintedUnits } from "@/shared/lib/format";
import { imageModalities } from "@/features/studies/lib/studyListColumns";
import type { SearchHit } from "@/shared/api/types";

/** What was found, study by study; each leads to its study, and what is denied says so. */
export function Hits({ hits, searched }: { hits: readonly SearchHit[]; searched: number }) {
  const { search: t, report } = useText();
  if (hits.length === 0) {
    return (
      <p className="rounded-lg border border-line bg-panel p-8 text-center text-dim">
        {searched > 0 ? t.noneFound : t.nothing}
      </p>
    );
  }
  return (
    <ol className="divide-y divide-line rounded-lg border border-line bg-panel">
      {hits.map((hit) => (
        <li
          key={`${hit.kind} ${hit.report_id ?? hit.finding_id}`}
          data-testid="hit"
          className="relative px-4 py-3 focus-within:bg-raised hover:bg-raised/60"
        >
          <p className="flex flex-wrap items-baseline gap-x-3">
            <Link
              data-hit
              prefetch={false}
              className="font-medium after:absolute after:inset-0"
              href={`/study/?study=${hit.study_instance_uid}`}
            >
              {personName(hit.patient_name)}
            </Link>
            <span className="text-xs text-dim">
              {[
                dateText(hit.study_date) || report.undated,
                imageModalities(hit.modalities).join(" "),
                hit.study_description,
                t.kindOf[hit.kind],
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
            {hit.status !== "present" && (
              <span className="rounded border border-line-strong px-1.5 text-xs">{t.status[hit.status]}</span>
            )}
            <span className="ml-auto text-xs text-dim">
              {hit.found_by === "words"
                ? t.foundBy.words
                : `${t.foundBy.meaning} · ${report.alike(Math.round(hit.score * 100))}`}
            </span>
          </p>
          {hit.sentence !== "" && hit.sentence !== hit.text && (
            <p className="mt-0.5 text-[0.8125rem]">{withPrintedUnits(hit.sentence)}</p>
          )}
          <p className="mt-0.5 line-clamp-3 text-[0.8125rem] text-dim">{withPrintedUnits(hit.text)}</p>
        </li>
      ))}
    </ol>
  );
}
