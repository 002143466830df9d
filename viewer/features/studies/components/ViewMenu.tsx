"use client";

import { type FormEvent, useState } from "react";
import { Menu } from "@/shared/components/Menu";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { listParameters, readListQuery, type ListQuery } from "@/shared/lib/listAddress";

/** Lists under a name, kept on the node for the person who named them. */
export function ViewMenu({ query, onQuery }: { query: ListQuery; onQuery: (query: ListQuery) => void }) {
  const { common, studyList: t } = useText();
  const { chosen, problem, choose } = usePreferences();
  const [name, setName] = useState("");
  const views = chosen.views ?? [];
  const save = (event: FormEvent) => {
    event.preventDefault();
    const called = name.trim();
    if (!called) return;
    const view = { name: called, query: String(listParameters({ ...query, offset: 0 })) };
    choose({ views: [...views.filter((one) => one.name !== called), view] });
    setName("");
  };
  return (
    <Menu label={t.views} testId="views" end>
      {views.length === 0 && <p className="w-60 text-dim">{t.noViews}</p>}
      <ul className="space-y-1">
        {views.map((view) => (
          <li key={view.name} className="flex items-center gap-2">
            <button
              type="button"
              data-testid="view"
              className="flex-1 rounded px-1 py-0.5 text-left hover:bg-line"
              onClick={() => onQuery(readListQuery(new URLSearchParams(view.query)))}
            >
              {view.name}
            </button>
            <button
              type="button"
              className="control px-1.5 py-0"
              aria-label={t.removeView(view.name)}
              onClick={() => choose({ views: views.filter((one) => one !== view) })}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      <form className="mt-3 flex w-60 gap-2 border-t border-line pt-3" onSubmit={save}>
        <input
          className="min-w-0 flex-1 rounded border border-line-strong bg-ground px-2 py-1"
          aria-label={t.viewName}
          placeholder={t.viewName}
          maxLength={60}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="control" disabled={!name.trim()} aria-label={t.saveView}>
          {common.save}
        </button>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Menu>
  );
}
