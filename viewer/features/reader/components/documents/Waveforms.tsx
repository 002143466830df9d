"use client";

import { useState } from "react";
import { Answer } from "@/shared/components/parts";
import { Tracing } from "@/features/reader/components/documents/Tracing";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { retrieveBulkData, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { bytesOfBase64, channelValues, waveformGroupsOf, waveformStatements, type WaveformGroup } from "@/dicom/waveform";
import { decimal } from "@/shared/lib/format";

/** The waveforms of an object, one group at a time, and what the device says of them. */
export function Waveforms({ dataset }: { dataset: DicomJson }) {
  const { viewing: t } = useText();
  const groups = waveformGroupsOf(dataset);
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
  const fetched = useFetched(async (signal) => channelValues(group, await samplesOf(group, signal)), uid);
  return (
    <Answer fetched={fetched}>
      {(values) =>
        values && group.samplesPerSecond > 0 ? (
          <Tracing group={group} values={values} />
        ) : (
          <p className="text-dim">{t.waveform.unread(`${group.interpretation}, ${group.bitsAllocated}`)}</p>
        )
      }
    </Answer>
  );
}

async function samplesOf({ data }: WaveformGroup, signal: AbortSignal): Promise<ArrayBuffer> {
  if (data?.BulkDataURI) return retrieveBulkData(data.BulkDataURI, signal);
  return bytesOfBase64(data?.InlineBinary ?? "").buffer;
}
