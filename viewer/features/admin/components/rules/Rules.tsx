"use client";

import { type FormEvent, Fragment, useState } from "react";
import { Answer, Field, Grid } from "@/shared/components/parts";
import { Line, Part } from "@/features/reader/components/jobs/Conditions";
import { useFetched } from "@/shared/hooks/useFetched";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { RulesEditor } from "@/features/admin/components/rules/RulesEditor";
import { rules } from "@/features/admin/lib/rulesApi";
import { explainRules } from "@/shared/api/api";
import { SendingTerms } from "@/features/admin/components/rules/SendingTerms";
import { conditionText } from "@/features/admin/lib/rules";

/** What rules of each section have in common. */
type AnyRule = { name: string; enabled?: boolean; when?: Parameters<typeof conditionText>[0] | null };

function RuleName({ rule }: { rule: AnyRule }) {
  const { admin: t } = useText();
  return (
    <td className="font-medium">
      {rule.name}
      {rule.enabled === false && <span className="ml-1 text-xs text-warn">{t.off}</span>}
    </td>
  );
}

function RuleCondition({ rule }: { rule: AnyRule }) {
  const { admin: t } = useText();
  return <td className="font-mono text-xs">{rule.when ? conditionText(rule.when) : t.always}</td>;
}

/** The site's rules as they are in force, and what they say of one study. */
export function Rules() {
  const { admin: t, common } = useText();
  const titles = usePipelineTitles();
  const fetched = useFetched(rules.get);
  const [typed, setTyped] = useState("");
  const [study, setStudy] = useState("");
  const explain = (event: FormEvent) => {
    event.preventDefault();
    setStudy(typed.trim());
  };
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.rulesWhat}</p>
      <Answer fetched={fetched}>
        {({ rules: all = [], routing = [], release = [], priority = [], deidentification = [] }) => (
          <>
          <Grid
            label={t.parts.rules}
            columns={[t.name, t.pipeline, t.when, t.priority, t.destination]}
            empty={all.length === 0 ? t.noRules : ""}
          >
            {all.map((rule) => (
              <tr key={`${rule.pipeline}${rule.name}`}>
                <RuleName rule={rule} />
                <td>{titles.of(rule.pipeline)}</td>
                <RuleCondition rule={rule} />
                <td>{rule.priority ?? 0}</td>
                <td>{rule.destinations ? rule.destinations.join(", ") || common.none : t.all}</td>
              </tr>
            ))}
          </Grid>
          <h2 className="mt-6 mb-2 font-semibold">{t.routingRules}</h2>
          <Grid
            label={t.routingRules}
            columns={[t.name, t.when, t.routedTo, t.routedWhat]}
            empty={routing.length === 0 ? t.noRouting : ""}
          >
            {routing.map((rule) => (
              <tr key={rule.name}>
                <RuleName rule={rule} />
                <RuleCondition rule={rule} />
                <td>{rule.to.join(", ")}</td>
                <td>
                  {rule.what !== "results" && (rule.send === "study" ? t.aWholeStudy : t.eachSeries)}
                  {rule.what === "both" && ", "}
                  {(rule.what === "results" || rule.what === "both") && t.routedResults}
                  <SendingTerms rule={rule} />
                </td>
              </tr>
            ))}
          </Grid>
          <h2 className="mt-6 mb-2 font-semibold">{t.priorityRules}</h2>
          <Grid
            label={t.priorityRules}
            columns={[t.name, t.when, t.priority]}
            empty={priority.length === 0 ? t.noPriority : ""}
          >
            {priority.map((rule) => (
              <tr key={rule.name}>
                <RuleName rule={rule} />
                <RuleCondition rule={rule} />
                <td className="tabular-nums">{rule.priority}</td>
              </tr>
            ))}
          </Grid>
          <h2 className="mt-6 mb-2 font-semibold">{t.projectRules}</h2>
          <Grid
            label={t.projectRules}
            columns={[t.name, t.when, t.addedToProject]}
            empty={deidentification.length === 0 ? t.noProjectRules : ""}
          >
            {deidentification.map((rule) => (
              <tr key={rule.name}>
                <RuleName rule={rule} />
                <RuleCondition rule={rule} />
                <td>{rule.project.join(", ")}</td>
              </tr>
            ))}
          </Grid>
          <h2 className="mt-6 mb-2 font-semibold">{t.releaseRules}</h2>
          <Grid
            label={t.releaseRules}
            columns={[t.name, t.pipeline, t.destination, t.resultsLeave]}
            empty={release.length === 0 ? t.noRelease : ""}
          >
            {release.map((rule) => (
              <tr key={rule.name}>
                <td className="font-medium">{rule.name}</td>
                <td>{rule.pipelines ? rule.pipelines.map((one) => titles.of(one)).join(", ") : t.all}</td>
                <td>{rule.to ? rule.to.join(", ") : t.all}</td>
                <td>{t.release[rule.results]}</td>
              </tr>
            ))}
          </Grid>
          </>
        )}
      </Answer>
      <RulesEditor onSaved={fetched.reload} />
      <h2 className="mt-6 mb-2 font-semibold">{t.explain}</h2>
      <form className="flex max-w-2xl items-end gap-2" onSubmit={explain}>
        <div className="flex-1">
          <Field
            label={t.studyUid}
            value={typed}
            pattern="[0-9.]{1,64}"
            required
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
        <button type="submit" className="control mb-0.5">
          {t.explainButton}
        </button>
      </form>
      {study && <Explanations key={study} study={study} />}
    </>
  );
}

function Explanations({ study }: { study: string }) {
  const { admin: t } = useText();
  const titles = usePipelineTitles();
  const fetched = useFetched((signal) => explainRules(study, signal), study);
  return (
    <div className="mt-3 space-y-3">
      <Answer fetched={fetched}>
        {(items) =>
          items.map((one) => (
            <section
              key={`${one.pipeline}${one.series_instance_uid}`}
              data-testid="explanation"
              className="rounded-lg border border-line bg-panel p-3"
            >
              <h3 className="font-medium">
                {titles.of(one.pipeline)}{" "}
                <span className="font-mono text-xs font-normal text-dim">{one.series_instance_uid}</span>
              </h3>
              <ul className="mt-1 space-y-0.5 text-[0.8125rem]" lang="en">
                <Line holds={one.would_run} text={one.reason} />
                <Line holds={one.pipeline_accepts} text={one.pipeline_reason} />
                {one.rules.map((rule) => (
                  <Fragment key={rule.name}>
                    <Line holds={rule.holds} text={`${t.rule} “${rule.name}”`} />
                    {rule.trace && <Part condition={rule.trace} />}
                  </Fragment>
                ))}
              </ul>
            </section>
          ))
        }
      </Answer>
    </div>
  );
}
