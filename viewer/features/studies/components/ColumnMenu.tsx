"use client";

import { Menu, MenuCheck } from "@/shared/components/Menu";
import { usePreferences } from "@/shared/hooks/usePreferences";
import { useText } from "@/shared/hooks/useText";
import { allColumns, columnsOf } from "@/features/studies/lib/studyListColumns";

/** Which columns the list has, for this person. */
export function ColumnMenu() {
  const t = useText().studyList;
  const { chosen, choose } = usePreferences();
  const shown = columnsOf(chosen.columns ?? []);
  return (
    <Menu label={t.columnsMenu} testId="columns" end>
      {allColumns.map((one) => (
        <MenuCheck
          key={one}
          label={t.columns[one]}
          checked={shown.includes(one)}
          disabled={one === "patient"}
          onChange={(on) =>
            choose({ columns: on ? [...shown, one] : shown.filter((other) => other !== one) })
          }
        />
      ))}
      <button type="button" className="control mt-2" onClick={() => choose({ columns: [] })}>
        {t.defaultColumns}
      </button>
    </Menu>
  );
}
