"use client";

import { useId, useState, type PointerEvent } from "react";
import { useText } from "@/shared/hooks/useText";
import { caliperReading, tracePath, unitsPerMillivolt, type WaveformGroup } from "@/dicom/waveform";
import { decimal, fixed } from "@/shared/lib/format";

/** Millimetres of the paper that a row takes, and of the room for the names beside it. */
const rowMm = 24;
const nameMm = 14;
const speeds = [25, 50];
const gains = [5, 10, 20];

interface Calipers {
  channel: number;
  from: number;
  to: number;
}

/**
 * Each channel of a group in a row of its own over millimetre paper, with calipers by mouse or by numbers. `values`
 * are those of each channel that are drawn; times count from the first of them.
 */
export function Tracing({ group, values }: { group: WaveformGroup; values: readonly Float64Array[] }) {
  const { viewing: t } = useText();
  const { waveform: words } = t;
  const grid = useId();
  const [mmPerSecond, setSpeed] = useState(25);
  const [mmPerMillivolt, setGain] = useState(10);
  const [calipers, setCalipers] = useState<Calipers | null>(null);
  const { samplesPerSecond, channels } = group;
  const sampleCount = values[0]?.length ?? 0;
  const seconds = sampleCount / samplesPerSecond;
  const width = nameMm + seconds * mmPerSecond;
  const height = channels.length * rowMm;
  const lastSample = sampleCount - 1;

  const placeOf = (event: PointerEvent<SVGSVGElement>): { channel: number; sample: number } => {
    const box = event.currentTarget.getBoundingClientRect();
    const mm = { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
    const sample = Math.round(((mm.x - nameMm) / mmPerSecond) * samplesPerSecond);
    return {
      channel: Math.max(0, Math.min(channels.length - 1, Math.floor(mm.y / rowMm))),
      sample: Math.max(0, Math.min(lastSample, sample)),
    };
  };
  const xOf = (sample: number) => nameMm + (sample / samplesPerSecond) * mmPerSecond;
  const shown = calipers ?? { channel: 0, from: 0, to: 0 };
  const at = (milliseconds: number) => Math.max(0, Math.min(lastSample, Math.round((milliseconds / 1000) * samplesPerSecond)));
  const millisecondsOf = (sample: number) => Math.round((sample / samplesPerSecond) * 1000);

  return (
    <figure>
      <div className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs">
        <Choice word={words.speed} unit="mm/s" choices={speeds} value={mmPerSecond} onChange={setSpeed} />
        <Choice word={words.gain} unit="mm/mV" choices={gains} value={mmPerMillivolt} onChange={setGain} />
        <label className="flex items-center gap-1">
          {words.channel}
          <select
            className="control"
            value={shown.channel}
            onChange={(event) => setCalipers({ ...shown, channel: Number(event.target.value) })}
          >
            {channels.map(({ name }, index) => (
              <option key={`${name}${index}`} value={index}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {(["from", "to"] as const).map((end) => (
          <label key={end} className="flex items-center gap-1">
            {words[end]}
            <input
              type="number"
              className="control w-24"
              min={0}
              max={millisecondsOf(lastSample)}
              step={Math.max(1, Math.round(1000 / samplesPerSecond))}
              value={millisecondsOf(shown[end])}
              onChange={(event) => setCalipers({ ...shown, [end]: at(Number(event.target.value)) })}
            />
          </label>
        ))}
      </div>
      <p role="status" className="mb-2 min-h-5 tabular-nums" data-testid="caliper-reading">
        {calipers ? <Reading group={group} values={values} calipers={calipers} /> : <span className="text-dim">{words.hint}</span>}
      </p>
      <div role="region" aria-label={words.group} tabIndex={0} className="overflow-x-auto rounded border border-line">
        <svg
          data-testid="tracing"
          role="img"
          aria-label={words.described(channels.map(({ name }) => name).join(", "), fixed(seconds, 1))}
          viewBox={`0 0 ${width} ${height}`}
          style={{ width: `${width}mm`, height: `${height}mm` }}
          className="block cursor-crosshair touch-pan-y bg-white"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            const { channel, sample } = placeOf(event);
            setCalipers({ channel, from: sample, to: sample });
          }}
          onPointerMove={(event) => {
            if (!calipers || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
            setCalipers({ ...calipers, to: placeOf(event).sample });
          }}
        >
          <defs>
            <pattern id={grid} x={nameMm} width={5} height={5} patternUnits="userSpaceOnUse">
              <path d="M1 0V5M2 0V5M3 0V5M4 0V5M0 1H5M0 2H5M0 3H5M0 4H5" stroke="#f6c9c9" strokeWidth={0.1} />
              <path d="M0 0V5M0 0H5" stroke="#e89a9a" strokeWidth={0.25} />
            </pattern>
          </defs>
          <rect width={width} height={height} fill={`url(#${CSS.escape(grid)})`} />
          {channels.map((channel, index) => {
            const zero = (index + 0.5) * rowMm;
            const perMillivolt = unitsPerMillivolt(channel);
            const samples = values[index] ?? new Float64Array();
            const mmPerUnit = perMillivolt === null ? fittingScale(samples) : mmPerMillivolt / perMillivolt;
            return (
              <g key={`${channel.name}${index}`}>
                <text x={1} y={zero - 4} fontSize={4} fill="#000">
                  {channel.name}
                </text>
                <path
                  data-testid="trace"
                  transform={`translate(${nameMm} 0)`}
                  d={tracePath(samples, { samplesPerSecond, mmPerSecond, mmPerUnit, zero })}
                  fill="none"
                  stroke="#000"
                  strokeWidth={0.3}
                />
              </g>
            );
          })}
          {calipers && (
            <g stroke="#1d4ed8" strokeWidth={0.35}>
              <line x1={xOf(calipers.from)} x2={xOf(calipers.from)} y1={0} y2={height} />
              <line x1={xOf(calipers.to)} x2={xOf(calipers.to)} y1={0} y2={height} />
            </g>
          )}
        </svg>
      </div>
    </figure>
  );
}

/** Of what is no voltage: the row holds its greatest value. */
function fittingScale(samples: Float64Array): number {
  const greatest = samples.reduce((most, value) => (Number.isNaN(value) ? most : Math.max(most, Math.abs(value))), 0);
  return greatest > 0 ? (rowMm * 0.45) / greatest : 1;
}

function Reading({ group, values, calipers }: { group: WaveformGroup; values: readonly Float64Array[]; calipers: Calipers }) {
  const { viewing: t } = useText();
  const channel = group.channels[calipers.channel];
  const samples = values[calipers.channel];
  if (!channel || !samples) return null;
  const { milliseconds, perMinute, difference } = caliperReading(samples, group.samplesPerSecond, calipers.from, calipers.to);
  const perMillivolt = unitsPerMillivolt(channel);
  const rise =
    Number.isNaN(difference) ? "–" : perMillivolt === null ? `${decimal(difference)} ${channel.unit}`.trim() : `${fixed(difference / perMillivolt, 3)} mV`;
  return t.waveform.reading(channel.name, fixed(milliseconds, 0), perMinute === null ? "–" : fixed(perMinute, 0), rise);
}

function Choice({
  word,
  unit,
  choices,
  value,
  onChange,
}: {
  word: string;
  unit: string;
  choices: readonly number[];
  value: number;
  onChange: (value: number) => void;
}) {
  return (
    <label className="flex items-center gap-1">
      {word}
      <select className="control" value={value} onChange={(event) => onChange(Number(event.target.value))}>
        {choices.map((one) => (
          <option key={one} value={one}>
            {one} {unit}
          </option>
        ))}
      </select>
    </label>
  );
}
