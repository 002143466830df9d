"use client";

import Link from "next/link";
import { Grid } from "@/shared/components/parts";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import type { RulesPreview as Preview } from "@/shared/api/types";

/** For how many of the newest studies each rule counts, and what would become otherwise for which. */
export function RulesPreview({ preview, isOutdated }: { preview: Preview; isOutdated: boolean }) {
  const { siteRules: t, admin } = useText();
  const titles = usePipelineTitles();
  const word = (section: Preview["changes"][number]["section"], answer: string) =>
    section === "retention" || section === "priority" ? answer || t.noRule : (t.words[answer] ?? answer);
  return (
    <div className="mt-4 space-y-4" data-testid="rules-preview">
      <p role="status">
        {t.lookedAt(preview.studies)} {preview.is_cut_short && t.cutShort}{" "}
        {preview.unreadable > 0 && <span className="text-warn">{t.unreadable(preview.unreadable)}</span>}{" "}
        {isOutdated && <span className="text-warn">{t.outdated}</span>}
      </p>
      {preview.doubts.length > 0 && (
        <section aria-label={t.doubts} lang="en" className="text-warn" data-testid="rule-doubts">
          {preview.doubts.map((doubt) => (
            <p key={doubt}>{doubt}</p>
          ))}
        </section>
      )}
      <Grid label={t.counts} columns={[admin.name, t.section, t.studies]} empty={preview.rules.length ? "" : t.noRules}>
        {preview.rules.map((rule) => (
          <tr key={rule.name}>
            <td className="font-medium">{rule.name}</td>
            <td>{t.sections[rule.section]}</td>
            <td className="tabular-nums">{rule.studies}</td>
          </tr>
        ))}
      </Grid>
      <Grid
        label={t.changes}
        columns={[admin.studyUid, t.section, t.what, t.before, t.after]}
        empty={preview.changes.length ? "" : t.noChanges}
      >
        {preview.changes.map((one) => (
          <tr key={`${one.study_instance_uid}${one.section}${one.what}`}>
            <td className="font-mono text-xs">
              <Link href={`/study/?study=${one.study_instance_uid}`} prefetch={false} className="text-accent hover:underline">
                {one.study_instance_uid}
              </Link>
            </td>
            <td>{t.sections[one.section]}</td>
            <td>{one.section === "rules" ? titles.of(one.what) : one.what}</td>
            <td>{word(one.section, one.before)}</td>
            <td>{word(one.section, one.after)}</td>
          </tr>
        ))}
      </Grid>
      {preview.more_changes > 0 && <p className="text-dim">{t.more(preview.more_changes)}</p>}
    </div>
  );
}
