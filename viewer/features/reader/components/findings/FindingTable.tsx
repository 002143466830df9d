"use client";

import { measureName, structureName } from "@/shared/lib/findingNames";
import { type ReactNode, useState } from "react";
import { FindingValue } from "@/features/reader/components/findings/FindingValue";
import { useText } from "@/shared/hooks/useText";
import { segmentName } from "@/features/reader/lib/stage/hoveredSegment";
import type { MeasureRow, Side, Structure } from "@/features/reader/lib/masks/structures";
import type { Finding } from "@/shared/api/types";

/** More structures than this begin with their first measure alone. */
const fewStructures = 4;

interface Choosing {
  chosenId: string | null;
  onChoose: (finding: Finding) => void;
  detail: (finding: Finding) => ReactNode;
}

/** One structure a row, left beside right; a structure's further measures unfold below it. */
export function FindingTable({
  title,
  structures,
  ...choosing
}: { title: string; structures: readonly Structure[] } & Choosing) {
  const { reader: t } = useText();
  const few = structures.length <= fewStructures;
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(few);
  const paired = structures.some((one) => one.paired);
  const hasMore = structures.some((one) => one.rows.length > 1);
  const keyOf = ({ name, paired: two }: Structure) => `${two} ${name}`;
  const turn = (key: string) =>
    setTurned((now) => {
      const next = new Set(now);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  return (
    <>
      {hasMore && !few && (
        <button
          type="button"
          className="control mt-1 px-2 py-0 text-xs"
          aria-pressed={all}
          onClick={() => {
            setAll(!all);
            setTurned(new Set());
          }}
        >
          {t.allMeasures}
        </button>
      )}
      <table className="mt-1 w-full border-collapse text-left" aria-label={t.findingsOf(title)}>
        <thead className={paired ? "text-xs text-dim" : "sr-only"}>
          <tr>
            <th scope="col" className="font-normal">
              {t.structure}
            </th>
            {paired ? (
              <>
                <th scope="col" className="w-[5.4rem] text-right font-normal">
                  {t.left}
                </th>
                <th scope="col" className="w-[5.4rem] text-right font-normal">
                  {t.right}
                </th>
              </>
            ) : (
              <th scope="col">{t.value}</th>
            )}
          </tr>
        </thead>
        {structures.map((structure) => {
          const key = keyOf(structure);
          return (
            <StructureRows
              key={key}
              structure={structure}
              columns={paired ? 2 : 1}
              open={all !== turned.has(key)}
              onTurn={() => turn(key)}
              {...choosing}
            />
          );
        })}
      </table>
    </>
  );
}

function StructureRows({
  structure,
  columns,
  open,
  onTurn,
  ...choosing
}: {
  structure: Structure;
  columns: number;
  open: boolean;
  onTurn: () => void;
} & Choosing) {
  const { rows } = structure;
  const name = structureName(structure.name);
  const [first, ...more] = rows;
  if (!first) return null;
  // What keys have opened is seen, wherever it stands.
  const isChosen = (finding: Finding | undefined) => finding !== undefined && finding.finding_id === choosing.chosenId;
  const shown = open || more.some(({ findings }) => Object.values(findings).some(isChosen)) ? more : [];
  return (
    <tbody data-testid="structure" className="border-t border-line">
      <Row row={first} structure={structure} columns={columns} {...choosing}>
        {more.length > 0 ? (
          <button type="button" aria-expanded={open} className="text-left" onClick={onTurn}>
            <span aria-hidden="true" className="mr-1 inline-block w-2 text-dim">
              {open ? "▾" : "▸"}
            </span>
            {name}
          </button>
        ) : (
          <span>{name}</span>
        )}
        {first.measure && (
          // A closed row's volume is recognised by its unit; a name needs the room.
          <span className={first.measure === "volume" && !open ? "sr-only" : "ml-1 text-xs text-dim"}>
            {measureName(first.measure)}
          </span>
        )}
      </Row>
      {shown.map((row, index) => (
        <Row key={`${row.measure}${index}`} row={row} structure={structure} columns={columns} {...choosing}>
          <span className="block pl-3 text-xs text-dim">{measureName(row.measure)}</span>
        </Row>
      ))}
    </tbody>
  );
}

function Row({
  row,
  structure,
  columns,
  children,
  chosenId,
  onChoose,
  detail,
}: {
  row: MeasureRow;
  structure: Structure;
  columns: number;
  children: ReactNode;
} & Choosing) {
  const sides: Side[] = structure.paired ? ["left", "right"] : ["whole"];
  const chosen = sides
    .map((side) => row.findings[side])
    .find((finding) => finding && finding.finding_id === chosenId);
  return (
    <>
      <tr>
        <th scope="row" className="py-0.5 pr-1 font-normal">
          {children}
        </th>
        {sides.map((side) => {
          const finding = row.findings[side];
          return (
            <td
              key={side}
              data-segment={finding?.segmentation ? segmentName(finding.segmentation.sop_instance_uid, finding.segmentation.segment_number) : undefined}
              colSpan={structure.paired ? 1 : columns}
              // In the middle of both columns: at the end it would stand under "Right".
              className={`py-0.5 align-top ${!structure.paired && columns > 1 ? "text-center" : "text-right"}`}
            >
              {finding && (
                <FindingValue
                  finding={finding}
                  chosen={finding === chosen}
                  onChoose={() => onChoose(finding)}
                />
              )}
            </td>
          );
        })}
      </tr>
      {chosen && (
        <tr>
          <td colSpan={columns + 1} className="pb-2">
            {detail(chosen)}
          </td>
        </tr>
      )}
    </>
  );
}
