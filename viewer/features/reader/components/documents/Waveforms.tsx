"use client";

import { useMemo, useState } from "react";
import { Answer } from "@/shared/components/parts";
import { Tracing } from "@/features/reader/components/documents/Tracing";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { retrieveBulkData, stringOf, type DicomJson } from "@/dicom/dicomweb";
import {
  bytesOfBase64,
  channelValues,
  samplesPerPage,
  sizeOf,
  waveformGroupsOf,
  waveformStatements,
  type WaveformGroup,
} from "@/dicom/waveform";
import { bytes, decimal } from "@/shared/lib/format";

/** What is larger is fetched when a person asks for it: a day of an ECG may be a gigabyte. */
const loadedAloneBytes = 64 * 1024 * 1024;

/** The waveforms of an object, one group at a time, and what the device says of them. */
export function Waveforms({ dataset }: { dataset: DicomJson }) {
  const { viewing: t } = useText();
  const groups = useMemo(() => waveformGroupsOf(dataset), [dataset]);
  const [chosen, setChosen] = useState(0);
  const group = groups[chosen];
  const stated = waveformStatements(dataset);
  return (
    <div data-testid="waveforms">
      {groups.length > 1 && (
        <select
          className="control mb-2"
          aria-label={t.waveform.group}
          value={chosen}
          onChange={(event) => setChosen(Number(event.target.value))}
        >
          {groups.map(({ label, originality }, index) => (
            <option key={`${label}${index}`} value={index}>
              {label || originality || index + 1}
            </option>
          ))}
        </select>
      )}
      {group && <Group key={chosen} group={group} uid={`${stringOf(dataset, "00080018")} ${chosen}`} />}
      {stated.length > 0 && (
        <details className="mt-3" open>
          <summary className="rounded text-dim">{t.waveform.stated}</summary>
          <ul className="mt-1 columns-3 gap-6 text-xs max-lg:columns-1" data-testid="waveform-statements">
            {stated.map(({ name, value, unit }, place) => (
              <li key={`${place}${name}`} className="break-inside-avoid py-0.5">
                {name && <span className="text-dim">{name} </span>}
                {name && unit ? decimal(Number(value)) : value} {unit}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Group({ group, uid }: { group: WaveformGroup; uid: string }) {
  const { viewing: t } = useText();
  const size = sizeOf(group);
  const [isWanted, setWanted] = useState(size <= loadedAloneBytes);
  if (isWanted) return <Loaded group={group} uid={uid} />;
  return (
    <p>
      {t.waveform.large(bytes(size))}{" "}
      <button type="button" className="control" onClick={() => setWanted(true)}>
        {t.waveform.load}
      </button>
    </p>
  );
}

function Loaded({ group, uid }: { group: WaveformGroup; uid: string }) {
  const fetched = useFetched((signal) => samplesOf(group, signal), uid);
  return <Answer fetched={fetched}>{(samples) => <Pages group={group} samples={samples} />}</Answer>;
}

/** A long recording is drawn page by page. */
function Pages({ group, samples }: { group: WaveformGroup; samples: ArrayBuffer }) {
  const { viewing: t } = useText();
  const { waveform: words } = t;
  const [page, setPage] = useState(0);
  const size = samplesPerPage(group);
  const from = page * size;
  const to = Math.min(group.sampleCount, from + size);
  const values = useMemo(() => channelValues(group, samples, from, to), [group, samples, from, to]);
  if (!values || !(group.samplesPerSecond > 0)) {
    return <p className="text-dim">{words.unread(`${group.interpretation}, ${group.bitsAllocated}`)}</p>;
  }
  const pages = Math.ceil(group.sampleCount / size);
  const secondsOf = (sample: number) => decimal(Math.round((sample / group.samplesPerSecond) * 100) / 100);
  const goTo = (seconds: number) => setPage(Math.max(0, Math.min(pages - 1, Math.floor((seconds * group.samplesPerSecond) / size))));
  return (
    <>
      {pages > 1 && (
        <div className="mb-2 flex flex-wrap items-center gap-2 text-xs" data-testid="waveform-page">
          <button type="button" className="control" disabled={page === 0} onClick={() => setPage(page - 1)}>
            {words.earlier}
          </button>
          <button type="button" className="control" disabled={page === pages - 1} onClick={() => setPage(page + 1)}>
            {words.later}
          </button>
          <label className="flex items-center gap-1">
            {words.startsAt}
            <input
              key={page}
              type="number"
              className="control w-24"
              min={0}
              max={Math.floor(group.sampleCount / group.samplesPerSecond)}
              defaultValue={Math.round(from / group.samplesPerSecond)}
              onBlur={(event) => goTo(Number(event.target.value))}
              onKeyDown={(event) => {
                if (event.key === "Enter") goTo(Number(event.currentTarget.value));
              }}
            />
          </label>
          <span role="status">{words.shown(secondsOf(from), secondsOf(to), secondsOf(group.sampleCount))}</span>
        </div>
      )}
      <Tracing key={page} group={group} values={values} />
    </>
  );
}

async function samplesOf({ data }: WaveformGroup, signal: AbortSignal): Promise<ArrayBuffer> {
  if (data?.BulkDataURI) return retrieveBulkData(data.BulkDataURI, signal);
  return bytesOfBase64(data?.InlineBinary ?? "").buffer;
}
