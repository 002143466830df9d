"use client";

import { useState } from "react";
import type { OpenField } from "@/features/report/lib/templates";
import { useText } from "@/shared/hooks/useText";

const look = "rounded border border-line-strong bg-ground px-1.5 py-0.5 text-ink";

/** What the text still leaves open, in its order, to be chosen or filled in. */
export function OpenFields({
  fields,
  onFill,
}: {
  fields: readonly OpenField[];
  onFill: (field: OpenField, value: string) => void;
}) {
  const { report: t } = useText();
  if (fields.length === 0) return null;
  return (
    <section className="rounded-md border border-line p-2 text-[0.8125rem]" data-testid="open-fields">
      <h3 className="text-dim">{t.openFields(fields.length)}</h3>
      <ul className="mt-1 max-h-56 space-y-1 overflow-y-auto">
        {fields.map((field) => (
          <li key={`${field.section} ${field.begin}`} className="flex items-baseline gap-2">
            <span className="min-w-0 flex-1 truncate text-right" title={field.before}>
              {field.before || "…"}
            </span>
            {field.choices.length > 0 ? (
              <select
                className={look}
                aria-label={t.openField(field.before)}
                value=""
                onChange={({ target }) => onFill(field, field.choices[target.selectedIndex - 1] ?? "")}
              >
                <option value="">{t.choose}</option>
                {field.choices.map((choice) => (
                  <option key={choice} value={choice || "leave out"}>
                    {choice || t.leaveOut}
                  </option>
                ))}
              </select>
            ) : (
              <FillIn field={field} onFill={(value) => onFill(field, value)} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function FillIn({ field, onFill }: { field: OpenField; onFill: (value: string) => void }) {
  const { report: t } = useText();
  const [value, setValue] = useState("");
  const fill = () => {
    if (value.trim()) onFill(value.trim());
  };
  return (
    <span className="whitespace-nowrap">
      <input
        className={`${look} w-24`}
        aria-label={t.openField(field.before)}
        maxLength={200}
        value={value}
        onChange={(event) => setValue(event.target.value)}
        onBlur={fill}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          // Enter fills the field in; it does not save the report.
          event.preventDefault();
          event.stopPropagation();
          fill();
        }}
      />{" "}
      {field.unit}
    </span>
  );
}
