import { itemsOf, numbersOf, stringOf, type DicomElement, type DicomJson } from "@/dicom/dicomweb";

/** Modalities of waveforms (PS3.3 C.7.3.1.1.1); what they send as pictures is shown as one. */
export const waveformModalities: ReadonlySet<string> = new Set(["ECG", "EPS", "HD", "RESP", "EEG", "EMG", "EOG"]);

/** One channel: sample × sensitivity × correction + baseline is the value in `unit` (PS3.3 C.10.9). */
export interface WaveformChannel {
  name: string;
  /** UCUM; empty where the header states no sensitivity, and then the values are the samples. */
  unit: string;
  scale: number;
  baseline: number;
}

/** Channels that were sampled together (PS3.3 C.10.9). */
export interface WaveformGroup {
  label: string;
  /** ORIGINAL or DERIVED, as a median beat is. */
  originality: string;
  samplesPerSecond: number;
  sampleCount: number;
  channels: WaveformChannel[];
  bitsAllocated: number;
  /** SS, US, SB, UB; μ-law and A-law are not read. */
  interpretation: string;
  /** A sample without a value. */
  padding: DicomElement | undefined;
  data: DicomElement | undefined;
}

const tag = {
  groups: "54000100",
  data: "54001010",
  bits: "54001004",
  interpretation: "54001006",
  padding: "5400100A",
  label: "003A0020",
  originality: "003A0004",
  samples: "003A0010",
  frequency: "003A001A",
  channels: "003A0200",
  source: "003A0208",
  channelLabel: "003A0203",
  sensitivity: "003A0210",
  units: "003A0211",
  correction: "003A0212",
  baseline: "003A0213",
  meaning: "00080104",
  code: "00080100",
} as const;

function channelOf(item: DicomJson, place: number): WaveformChannel {
  const source = itemsOf(item, tag.source)[0] ?? {};
  const units = itemsOf(item, tag.units)[0] ?? {};
  const [sensitivity] = numbersOf(item, tag.sensitivity);
  const [correction = 1] = numbersOf(item, tag.correction);
  const [baseline = 0] = numbersOf(item, tag.baseline);
  const isStated = sensitivity !== undefined;
  const name = stringOf(source, tag.meaning) || stringOf(item, tag.channelLabel) || String(place + 1);
  return {
    // "Lead I (Einthoven)" stands as I, as on paper.
    name: name.replace(/^lead\s+/i, "").replace(/\s*\(Einthoven\)$/i, ""),
    unit: isStated ? stringOf(units, tag.code) : "",
    scale: isStated ? sensitivity * correction : 1,
    baseline: isStated ? baseline : 0,
  };
}

/** The multiplex groups of a waveform object; none of any other object. */
export function waveformGroupsOf(dataset: DicomJson): WaveformGroup[] {
  return itemsOf(dataset, tag.groups).map((group) => ({
    label: stringOf(group, tag.label),
    originality: stringOf(group, tag.originality),
    samplesPerSecond: numbersOf(group, tag.frequency)[0] ?? 0,
    sampleCount: numbersOf(group, tag.samples)[0] ?? 0,
    channels: itemsOf(group, tag.channels).map(channelOf),
    bitsAllocated: numbersOf(group, tag.bits)[0] ?? 0,
    interpretation: stringOf(group, tag.interpretation),
    padding: group[tag.padding],
    data: group[tag.data],
  }));
}

export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Seconds that a page of a long recording shows, and samples of all its channels that are drawn at most. */
const pageSeconds = 10;
const pageSamplesAtMost = 250_000;

/**
 * Samples of each channel that are drawn at once: all of a recording of twenty seconds, else those of ten; fewer
 * of many channels. A day of twelve leads would be half a thousand million points of a path.
 */
export function samplesPerPage({ samplesPerSecond, sampleCount, channels }: WaveformGroup): number {
  const most = Math.max(1, Math.floor(pageSamplesAtMost / Math.max(1, channels.length)));
  if (sampleCount <= Math.min(most, 2 * pageSeconds * samplesPerSecond)) return Math.max(1, sampleCount);
  return Math.max(1, Math.min(most, Math.round(pageSeconds * samplesPerSecond)));
}

/** Bytes of all samples of a group, as the header tells. */
export function sizeOf({ sampleCount, channels, bitsAllocated }: WaveformGroup): number {
  return (sampleCount * channels.length * bitsAllocated) / 8;
}

/**
 * The values of each channel in its unit, from sample `from` to before `to`, NaN where there is none; null where
 * the samples are of a kind that is not read, or fewer than the header says.
 */
export function channelValues(group: WaveformGroup, buffer: ArrayBuffer, from = 0, to = group.sampleCount): Float64Array[] | null {
  const read = readerOf(group, new DataView(buffer));
  const count = group.channels.length;
  const size = group.bitsAllocated / 8;
  if (!read || count === 0 || buffer.byteLength < group.sampleCount * count * size) return null;
  const padding = paddingOf(group);
  return group.channels.map(({ scale, baseline }, channel) => {
    const values = new Float64Array(Math.max(0, Math.min(to, group.sampleCount) - from));
    for (let at = 0; at < values.length; at += 1) {
      const stored = read(((from + at) * count + channel) * size);
      values[at] = stored === padding ? Number.NaN : stored * scale + baseline;
    }
    return values;
  });
}

/** As a sample is stored; null where the header names none. */
function paddingOf(group: WaveformGroup): number | null {
  const bytes = bytesOfBase64(group.padding?.InlineBinary ?? "");
  const isWhole = bytes.length >= group.bitsAllocated / 8;
  return isWhole ? (readerOf(group, new DataView(bytes.buffer))?.(0) ?? null) : null;
}

function readerOf({ interpretation, bitsAllocated }: WaveformGroup, view: DataView): ((at: number) => number) | null {
  switch (`${interpretation}${bitsAllocated}`) {
    case "SS16":
      return (at) => view.getInt16(at, true);
    case "US16":
      return (at) => view.getUint16(at, true);
    case "SB8":
      return (at) => view.getInt8(at);
    case "UB8":
      return (at) => view.getUint8(at);
    default:
      return null;
  }
}

const perMillivolt: Record<string, number> = { uV: 1000, mV: 1, V: 0.001 };

/** How many of a channel's units are one millivolt; null where it is no voltage. */
export function unitsPerMillivolt(channel: WaveformChannel): number | null {
  return perMillivolt[channel.unit] ?? null;
}

/**
 * The line of a channel as an SVG path, in millimetres of paper: x by `mmPerSecond`, up by `mmPerUnit`, from `zero`.
 * A sample without a value leaves a gap.
 */
export function tracePath(
  values: Float64Array,
  { samplesPerSecond, mmPerSecond, mmPerUnit, zero }: { samplesPerSecond: number; mmPerSecond: number; mmPerUnit: number; zero: number },
): string {
  const parts: string[] = [];
  let isDown = false;
  for (const [at, value] of values.entries()) {
    if (Number.isNaN(value)) {
      isDown = false;
      continue;
    }
    const x = ((at / samplesPerSecond) * mmPerSecond).toFixed(2);
    parts.push(`${isDown ? "L" : "M"}${x} ${(zero - value * mmPerUnit).toFixed(2)}`);
    isDown = true;
  }
  return parts.join("");
}

export interface CaliperReading {
  milliseconds: number;
  /** Of what repeats at this distance; null without one. */
  perMinute: number | null;
  /** What the channel rises from the first to the second sample, in its unit. */
  difference: number;
}

/** What lies between two samples of a channel. */
export function caliperReading(values: Float64Array, samplesPerSecond: number, from: number, to: number): CaliperReading {
  const milliseconds = (Math.abs(to - from) / samplesPerSecond) * 1000;
  return {
    milliseconds,
    perMinute: milliseconds > 0 ? 60_000 / milliseconds : null,
    difference: (values[to] ?? Number.NaN) - (values[from] ?? Number.NaN),
  };
}

/** What the device says of the tracing: its sentences, and its measurements with their units (PS3.3 C.10.10). */
export function waveformStatements(dataset: DicomJson): { name: string; value: string; unit: string }[] {
  return itemsOf(dataset, "0040B020").flatMap((item) => {
    const stated = stringOf(item, "00700006");
    if (stated) return [{ name: "", value: stated, unit: "" }];
    const name = stringOf(itemsOf(item, "0040A043")[0] ?? {}, tag.meaning);
    const [value] = numbersOf(item, "0040A30A");
    const coded = stringOf(itemsOf(item, "0040A168")[0] ?? {}, tag.meaning);
    const unit = stringOf(itemsOf(item, "004008EA")[0] ?? {}, tag.code);
    if (!name || (value === undefined && !coded)) return [];
    return [{ name, value: value === undefined ? coded : String(value), unit: value === undefined ? "" : unit }];
  });
}
