"use client";

import { Menu, MenuCheck } from "@/shared/components/Menu";
import { ColumnMenu } from "@/features/studies/components/ColumnMenu";
import { ViewMenu } from "@/features/studies/components/ViewMenu";
import { useText } from "@/shared/hooks/useText";
import { isFiltered, reportFilters, wholeList, type ListQuery } from "@/shared/lib/listAddress";
import { studyBadge, studyStates } from "@/shared/lib/state";
import type { StudySummary } from "@/shared/api/types";
import { isoDay, offeredModalities } from "@/features/studies/lib/studyListColumns";

function turned<T>(list: readonly T[], one: T, on: boolean): T[] {
  return on ? [...list, one] : list.filter((other) => other !== one);
}

const dayMs = 86_400_000;

/** What is asked for or not: the property of the query, which is that of its word, too. */
const toggles = [
  ["critical", "filter-critical", "aria-pressed:border-bad aria-pressed:text-bad"],
  ["awaitingRelease", "filter-awaiting-release", "aria-pressed:border-accent aria-pressed:text-accent"],
  ["mine", "filter-mine", "aria-pressed:border-accent aria-pressed:text-accent"],
] as const;

/** What narrows the list down, and how it looks: all of it in the address or kept for the person. */
export function FilterBar({
  query,
  studies,
  onQuery,
}: {
  query: ListQuery;
  studies: readonly StudySummary[];
  onQuery: (query: ListQuery) => void;
}) {
  const { report, studyList: t } = useText();
  const set = (change: Partial<ListQuery>) => onQuery({ ...query, ...change, offset: 0 });
  const lastDays = (days: number) => {
    const now = new Date();
    set({ from: isoDay(new Date(now.getTime() - (days - 1) * dayMs)), to: isoDay(now) });
  };
  const field = "rounded-md border border-line bg-raised px-2 py-[3px] text-[0.8125rem]";
  return (
    <div role="group" aria-label={t.filters} className="mb-3 flex flex-wrap items-center gap-2">
      <Menu label={t.modality} badge={query.modalities.length} testId="filter-modality">
        <div className="grid grid-cols-3 gap-x-4">
          {offeredModalities(studies, query.modalities).map((one) => (
            <MenuCheck
              key={one}
              label={one}
              checked={query.modalities.includes(one)}
              onChange={(on) => set({ modalities: turned(query.modalities, one, on) })}
            />
          ))}
        </div>
      </Menu>
      <Menu label={t.state} badge={query.states.length} testId="filter-state">
        {studyStates.map((one) => (
          <MenuCheck
            key={one}
            label={studyBadge(one).word}
            checked={query.states.includes(one)}
            onChange={(on) => set({ states: turned(query.states, one, on) })}
          />
        ))}
      </Menu>
      <Menu label={t.columns.report} badge={query.reports.length} testId="filter-report">
        {reportFilters.map((one) => (
          <MenuCheck
            key={one}
            label={one === "none" ? t.noReport : report.states[one]}
            checked={query.reports.includes(one)}
            onChange={(on) => set({ reports: turned(query.reports, one, on) })}
          />
        ))}
      </Menu>
      {toggles.map(([key, testId, look]) => (
        <button
          key={key}
          type="button"
          aria-pressed={query[key]}
          data-testid={testId}
          className={`control ${look}`}
          onClick={() => set({ [key]: !query[key] })}
        >
          {t[key]}
        </button>
      ))}
      <label className="flex items-center gap-1.5 text-xs text-dim">
        {t.from}
        <input
          type="date"
          className={`${field} text-ink`}
          value={query.from}
          max={query.to || undefined}
          onChange={(event) => set({ from: event.target.value })}
        />
      </label>
      <label className="flex items-center gap-1.5 text-xs text-dim">
        {t.to}
        <input
          type="date"
          className={`${field} text-ink`}
          value={query.to}
          min={query.from || undefined}
          onChange={(event) => set({ to: event.target.value })}
        />
      </label>
      <button type="button" className="control" onClick={() => lastDays(1)}>
        {t.today}
      </button>
      <button type="button" className="control" onClick={() => lastDays(7)}>
        {t.week}
      </button>
      {isFiltered(query) && (
        <button
          type="button"
          className="control border-accent/60 text-accent"
          onClick={() => onQuery({ ...wholeList, text: query.text, sort: query.sort, order: query.order })}
        >
          {t.clear}
        </button>
      )}
      <span className="ml-auto flex gap-2">
        <ViewMenu query={query} onQuery={onQuery} />
        <ColumnMenu />
      </span>
    </div>
  );
}
