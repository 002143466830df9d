import { itemsOf, numbersOf, stringOf, type DicomJson } from "@/dicom/dicomweb";
import { dateText, decimal } from "@/shared/lib/format";
import { text } from "@/shared/i18n";
import type { ContentItem } from "@/features/reader/lib/contentTree";

function entry(name: string, value: string, children: ContentItem[] = []): ContentItem[] {
  return value || children.length > 0 ? [{ name, value, image: null, children }] : [];
}

function amount(dataset: DicomJson, tag: string, unit = ""): string {
  const [value] = numbersOf(dataset, tag);
  return value === undefined ? "" : `${decimal(value)} ${unit}`.trim();
}

/** What an RT Plan says (PS3.3 C.8.8.9 to C.8.8.14), in the order in which it is read; nothing is worked out. */
export function planFacts(dataset: DicomJson): ContentItem[] {
  const { plan: t } = text().viewing;
  const meterset = new Map<string, string>();
  for (const group of itemsOf(dataset, "300A0070")) {
    for (const beam of itemsOf(group, "300C0004")) meterset.set(stringOf(beam, "300C0006"), amount(beam, "300A0086"));
  }
  return [
    ...entry(t.label, stringOf(dataset, "300A0002")),
    ...entry(t.name, stringOf(dataset, "300A0003")),
    ...entry(t.description, stringOf(dataset, "300A0004")),
    ...entry(t.date, dateText(stringOf(dataset, "300A0006"))),
    ...entry(t.intent, stringOf(dataset, "300A000A")),
    ...entry(t.approval, stringOf(dataset, "300E0002")),
    ...itemsOf(dataset, "300A0010").flatMap((dose) =>
      entry(stringOf(dose, "300A0016") || t.prescription, stringOf(dose, "300A0020"), [
        ...entry(t.target, amount(dose, "300A0026", "Gy")),
        ...entry(t.targetMaximum, amount(dose, "300A0027", "Gy")),
        ...entry(t.organLimit, amount(dose, "300A002B", "Gy")),
        ...entry(t.organMaximum, amount(dose, "300A002C", "Gy")),
        ...entry(t.deliveryMaximum, amount(dose, "300A0023", "Gy")),
      ]),
    ),
    ...itemsOf(dataset, "300A0070").flatMap((group) =>
      entry(`${t.fractions} ${stringOf(group, "300A0071")}`, amount(group, "300A0078"), [
        ...itemsOf(group, "300C0004").flatMap((beam) =>
          entry(`${t.beam} ${stringOf(beam, "300C0006")}`, amount(beam, "300A0084", "Gy")),
        ),
      ]),
    ),
    ...itemsOf(dataset, "300A00B0").flatMap((beam) => beamFacts(beam, meterset.get(stringOf(beam, "300A00C0")) ?? "")),
  ];
}

function beamFacts(beam: DicomJson, meterset: string): ContentItem[] {
  const { plan: t } = text().viewing;
  const first = itemsOf(beam, "300A0111")[0] ?? {};
  const unit = stringOf(beam, "300A00B3");
  const radiation = [stringOf(beam, "300A00C6"), stringOf(beam, "300A00C4")].filter(Boolean).join(", ");
  return entry(`${t.beam} ${stringOf(beam, "300A00C0")} ${stringOf(beam, "300A00C2")}`.trim(), radiation, [
    ...entry(t.machine, stringOf(beam, "300A00B2")),
    ...entry(t.energy, amount(first, "300A0114", stringOf(beam, "300A00C6") === "PHOTON" ? "MV" : "MeV")),
    ...entry(t.meterset, meterset && `${meterset} ${unit}`.trim()),
    ...entry(t.gantry, amount(first, "300A011E", "°")),
    ...entry(t.collimator, amount(first, "300A0120", "°")),
    ...entry(t.table, amount(first, "300A0122", "°")),
    ...entry(t.controlPoints, amount(beam, "300A0110")),
  ]);
}

/** What an RT Dose is of (PS3.3 C.8.8.3), and its dose-volume histograms in short (C.8.8.4). */
export function doseFacts(dataset: DicomJson): ContentItem[] {
  const { dose: t } = text().viewing;
  const [rows = 0] = numbersOf(dataset, "00280010");
  const [columns = 0] = numbersOf(dataset, "00280011");
  const [frames = 1] = numbersOf(dataset, "00280008");
  const [row, column] = numbersOf(dataset, "00280030");
  const spacing = row === undefined || column === undefined ? "" : `, ${decimal(column)} × ${decimal(row)} mm`;
  return [
    ...entry(t.type, [stringOf(dataset, "30040004"), stringOf(dataset, "3004000A")].filter(Boolean).join(", ")),
    ...entry(t.unit, stringOf(dataset, "30040002")),
    ...entry(t.comment, stringOf(dataset, "30040006")),
    ...entry(t.grid, rows && columns ? `${columns} × ${rows} × ${frames}${spacing}` : ""),
    ...itemsOf(dataset, "30040050").flatMap((histogram) => {
      const unit = stringOf(histogram, "30040002");
      const rois = itemsOf(histogram, "30040060").map((one) => stringOf(one, "30060084"));
      return entry(`${t.histogram} ${rois.join(", ")}`.trim(), stringOf(histogram, "30040001"), [
        ...entry(t.least, amount(histogram, "30040070", unit)),
        ...entry(t.mean, amount(histogram, "30040074", unit)),
        ...entry(t.greatest, amount(histogram, "30040072", unit)),
      ]);
    }),
  ];
}
