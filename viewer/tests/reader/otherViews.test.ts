import { describe, expect, it } from "vitest";
import type { ImageView } from "@/dicom/imageView";
import { hangStudy } from "@/features/reader/lib/layout/hanging";
import type { Arrangement } from "@/features/reader/lib/layout/layout";
import type { HangingProtocol, StudyDetail } from "@/shared/api/types";
import { protocol, series, study, viewport } from "@/tests/reader/layout/hangingBuilders";

const images = new Map<string, ImageView[]>();
const viewsOf = (uid: string) => images.get(uid) ?? [];
const cellsOf = ({ cells }: Arrangement) => cells.map((cell) => cell && [cell.seriesInstanceUid, ...(cell.images ?? [])].join(" "));

describe("mammograms", () => {
  const image = (sopInstanceUid: string, view: string, more: Partial<ImageView> = {}): ImageView => ({
    sopInstanceUid,
    laterality: view.startsWith("R") ? "R" : "L",
    view: view.slice(1),
    isSpecial: false,
    frameCount: 1,
    ...more,
  });
  const mg = (uid: string, description = "", count = 1) => series(uid, description, { modality: "MG", instance_count: count });
  const usual = protocol({
    modalities: ["MG"],
    viewports: (["R", "L"] as const).map((laterality) => viewport({ modalities: ["MG"], laterality, views: ["CC"], required: false })),
  });

  it("have places for what takes none of a usual view: implants displaced, spot views, and tomosynthesis below its view", () => {
    const asks = (kind: HangingProtocol["viewports"][number]["kind"], more: Partial<HangingProtocol["viewports"][number]> = {}) =>
      (["R", "L"] as const).map((laterality) => viewport({ modalities: ["MG"], laterality, kind, required: false, ...more }));
    const stage = (name: string, viewports: HangingProtocol["viewports"]) => ({ name, rows: viewports.length / 2, columns: 2, linked: false, fused: false, viewports });
    const whole = {
      ...usual,
      stages: [
        stage("tomosynthesis", [...asks("usual", { views: ["CC"] }), ...asks("tomosynthesis", { views: ["CC"] })]),
        stage("implants", asks("implant_displaced", { views: ["CC"] })),
        stage("special", asks("special", { each_image: true })),
      ],
    };
    const hungOf = (now: StudyDetail) =>
      hangStudy([whole], { study: now, others: [], viewsOf, preferred: null })?.stages.map((one) => [one.name, ...cellsOf(one.arrangement)]);
    const displaced = { isSpecial: true, isImplantDisplaced: true };
    images.set("implants", [image("1", "RCC"), image("2", "LCC"), image("3", "RCC", displaced), image("4", "LCC", displaced), image("5", "LML", { isSpecial: true })]);
    images.set("dbt", [image("6", "LCC", { frameCount: 60 })]);
    const now = study("m", "2026-01-01", mg("implants", "", 5), mg("dbt"));
    expect(hungOf(now)?.slice(1)).toEqual([
      ["tomosynthesis", "implants 1", "implants 2", null, "dbt"],
      ["implants", "implants 3", "implants 4"],
      ["special", null, "implants 5"],
    ]);
    // None of them: no stage for any.
    images.set("plain", [image("1", "RCC"), image("2", "LCC")]);
    expect(hungOf(study("m", "2026-01-01", mg("plain", "", 2)))?.map(([name]) => name)).toEqual(["p"]);
  });
});

describe("scintigrams", () => {
  it("stand anterior beside posterior, each detector's frames of one instance or each an instance", () => {
    const nm = (uid: string) => series(uid, "Whole body", { modality: "NM", instance_count: 1 });
    const planar = protocol({ modalities: ["NM"], viewports: ["ANT", "POST"].map((view) => viewport({ modalities: ["NM"], views: [view] })) });
    const view = (uid: string, of: string, detector?: number): ImageView =>
      ({ sopInstanceUid: uid, laterality: "", view: of, isSpecial: false, frameCount: 2, ...(detector ? { detector } : {}) });
    images.set("both", [view("1.2", "POST", 1), view("1.2", "ANT", 2)]);
    const hung = (now: StudyDetail) => {
      const [first] = hangStudy([planar], { study: now, others: [], viewsOf, preferred: null })?.stages ?? [];
      return first && cellsOf(first.arrangement);
    };
    expect(hung(study("n", "2026-01-01", nm("both")))).toEqual(["both 1.2:2", "both 1.2:1"]);
    images.set("front", [view("1.3", "ANT")]);
    images.set("back", [view("1.4", "POST")]);
    expect(hung(study("n", "2026-01-01", nm("back"), nm("front")))).toEqual(["front", "back"]);
    // Without one of them, as without a protocol.
    expect(hung(study("n", "2026-01-01", nm("front")))).toBeUndefined();
  });
});
