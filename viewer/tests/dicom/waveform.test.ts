import { describe, expect, it } from "vitest";
import type { DicomJson } from "@/dicom/dicomweb";
import { caliperReading, channelValues, samplesPerPage, sizeOf, tracePath, waveformGroupsOf, waveformStatements } from "@/dicom/waveform";

const sq = (...items: object[]) => ({ vr: "SQ", Value: items });
const one = (value: unknown) => ({ vr: "DS", Value: [value] });
const base64 = (...words: number[]) => btoa(String.fromCharCode(...new Uint8Array(new Int16Array(words).buffer)));

const lead = (name: string, more: object = {}) => ({
  "003A0208": sq({ "00080104": one(name) }),
  "003A0210": one(1.25),
  "003A0211": sq({ "00080100": one("uV") }),
  "003A0212": one(2),
  "003A0213": one(-10),
  ...more,
});
const samples = [0, 5, 400, 6, -32768, 7, 800, 8];
const ecg = (more: object = {}): DicomJson => ({
  "54000100": sq({
    "003A0004": one("ORIGINAL"),
    "003A0020": one("RHYTHM"),
    "003A0010": one(4),
    "003A001A": one(500),
    "54001004": one(16),
    "54001006": one("SS"),
    "5400100A": { vr: "OW", InlineBinary: base64(-32768) },
    "003A0200": sq(lead("Lead I (Einthoven)"), lead("Lead aVR", { "003A0210": undefined })),
    "54001010": { vr: "OW", InlineBinary: base64(...samples) },
    ...more,
  }),
});

describe("a waveform", () => {
  const [group] = waveformGroupsOf(ecg());
  const values = group && channelValues(group, new Int16Array(samples).buffer);

  it("has the values that the header’s sensitivity, correction and baseline make of its samples", () => {
    expect(group?.channels.map(({ name, unit }) => [name, unit])).toEqual([["I", "uV"], ["aVR", ""]]);
    // Sample × 1.25 µV × 2 − 10 µV (PS3.3 C.10.9.1.4.3); the padding value is no sample.
    expect([...(values?.[0] ?? [])]).toEqual([-10, 990, Number.NaN, 1990]);
    // Without a sensitivity nobody knows what a sample is worth.
    expect([...(values?.[1] ?? [])]).toEqual([5, 6, 7, 8]);
  });

  it("is drawn with a gap where there is no value", () => {
    const drawn = tracePath(values?.[0] ?? new Float64Array(), { samplesPerSecond: 500, mmPerSecond: 25, mmPerUnit: 0.01, zero: 12 });
    expect(drawn).toBe("M0.00 12.10L0.05 2.10M0.15 -7.90");
  });

  it("that is long is read and drawn page by page", () => {
    if (!group || !values) throw new Error("not read");
    const day = { ...group, sampleCount: 24 * 3600 * 500, channels: Array.from({ length: 12 }, () => group.channels[0]!) };
    expect(samplesPerPage(day)).toBe(5000);
    expect(sizeOf(day)).toBe(24 * 3600 * 500 * 12 * 2);
    // Ten seconds of very many channels are too many points; twenty of a few stand whole.
    expect(samplesPerPage({ ...day, channels: Array.from({ length: 100 }, () => group.channels[0]!) })).toBe(2500);
    expect(samplesPerPage({ ...day, sampleCount: 10_000 })).toBe(10_000);
    expect(samplesPerPage({ ...group, samplesPerSecond: 0 })).toBe(1);
    const page = channelValues(group, new Int16Array(samples).buffer, 1, 3);
    expect(page?.map((one) => [...one])).toEqual([[990, Number.NaN], [6, 7]]);
  });

  it("is measured between two samples", () => {
    const reading = caliperReading(values?.[0] ?? new Float64Array(), 500, 0, 3);
    expect(reading).toEqual({ milliseconds: 6, perMinute: 10_000, difference: 2000 });
    expect(caliperReading(new Float64Array(2), 500, 1, 1).perMinute).toBeNull();
  });

  it("that is cut short, or coded in a way that is not read, is not drawn wrongly", () => {
    expect(group && channelValues(group, new ArrayBuffer(6))).toBeNull();
    const [companded] = waveformGroupsOf(ecg({ "54001006": one("MB"), "54001004": one(8) }));
    expect(companded && channelValues(companded, new ArrayBuffer(64))).toBeNull();
    expect(waveformGroupsOf({})).toEqual([]);
  });

  it("comes with what the device says of it", () => {
    const said = waveformStatements({
      "0040B020": sq(
        { "00700006": one("SINUS RHYTHM") },
        { "0040A043": sq({ "00080104": one("RR Interval") }), "0040A30A": one(982), "004008EA": sq({ "00080100": one("ms") }) },
        { "0040A043": sq({ "00080104": one("Nothing") }) },
      ),
    });
    expect(said).toEqual([
      { name: "", value: "SINUS RHYTHM", unit: "" },
      { name: "RR Interval", value: "982", unit: "ms" },
    ]);
  });
});
