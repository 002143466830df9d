"use client";

import { Badge } from "@/shared/components/Badge";
import { Scale } from "@/features/admin/components/models/ModelEvaluation";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { usePipelineTitles } from "@/shared/hooks/usePipelineTitles";
import { useText } from "@/shared/hooks/useText";
import { models } from "@/features/admin/lib/adminApi";
import { measurement, number } from "@/shared/lib/format";

/** Above it a measure counts as shifted, as the node holds it. */
const shiftedAbove = 0.25;

/** Whether scanners send, and pipelines give, something else than they used to. */
export function Drift() {
  const { admin: t } = useText();
  const titles = usePipelineTitles();
  const fetched = useFetched(models.drift);
  const action = useAction(fetched.reload);
  return (
    <section className="mt-8" data-testid="drift">
      <h2 className="mb-1 font-semibold">{t.drift}</h2>
      <p className="mb-3 max-w-3xl text-dim">{t.driftWhat}</p>
      {action.problem && <ProblemNote problem={action.problem} />}
      <Answer fetched={fetched}>
        {({ items }) => {
          const shifted = [...new Map(items.filter((one) => one.alerts).map((one) => [`${one.pipeline} ${one.pipeline_version}`, one])).values()];
          return (
            <>
              {shifted.map((one) => (
                <p key={`${one.pipeline} ${one.pipeline_version}`} className="mb-2 flex items-center gap-3">
                  <span className="text-warn">{t.hasShifted(titles.of(one.pipeline), one.pipeline_version)}</span>
                  <SureButton
                    word={t.newBaseline}
                    label={`${t.newBaseline}: ${titles.of(one.pipeline)} ${one.pipeline_version}`}
                    busy={action.busy}
                    onSure={() => void action.run(() => models.newBaseline(one.pipeline, one.pipeline_version))}
                  />
                </p>
              ))}
              <Grid
                label={t.drift}
                columns={[t.pipeline, t.scanner, t.measure, t.before, t.now, t.shift, ""]}
                empty={items.length === 0 ? t.noDrift : ""}
              >
                {items.map((one) => (
                  <tr key={`${one.pipeline} ${one.pipeline_version} ${one.scanner} ${one.measure}`} data-testid="shift">
                    <td>
                      {titles.of(one.pipeline)} <span className="text-dim">{one.pipeline_version}</span>
                    </td>
                    <td>{one.scanner}</td>
                    <td lang="en">{one.measure}</td>
                    <td>
                      {measurement(one.baseline_median)} <span className="text-xs text-dim">{t.ofJobs(number(one.baseline_count))}</span>
                    </td>
                    <td>
                      {measurement(one.recent_median)} <span className="text-xs text-dim">{t.ofJobs(number(one.recent_count))}</span>
                    </td>
                    <td className="w-48">
                      {measurement(one.stability_index)}
                      <Scale value={one.stability_index} atLeast={null} atMost={shiftedAbove} />
                    </td>
                    <td>{one.alerts && <Badge word={t.shifted} tone="warn" />}</td>
                  </tr>
                ))}
              </Grid>
            </>
          );
        }}
      </Answer>
    </section>
  );
}
