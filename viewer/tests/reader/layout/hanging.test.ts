import { describe, expect, it } from "vitest";
import { hangStudy as hangInput, seriesToExamine, type HungStage } from "@/features/reader/lib/layout/hanging";
import type { ImageView } from "@/dicom/imageView";
import type { HangingProtocol, SeriesSummary, StudyDetail } from "@/shared/api/types";
import { protocol, series, study, viewport } from "@/tests/reader/layout/hangingBuilders";

const images = new Map<string, ImageView[]>();

/** The first stage of what a protocol makes of a study. */
function hangStudy(
  protocols: HangingProtocol[],
  now: StudyDetail,
  others: StudyDetail[],
  preferred: string,
): HungStage | null {
  const viewsOf = (uid: string) => images.get(uid) ?? [];
  return hangInput(protocols, { study: now, others, viewsOf, preferred })?.stages[0] ?? null;
}

describe("hanging protocols", () => {
  const now = study("1", "2026-02-01", series("lung", "LUNG 1.0"), series("soft", "Soft tissue"));
  const old = study("2", "2020-02-01", series("old", "Soft tissue"));
  const older = study("3", "2010-02-01", series("older", "LUNG 1.0"));

  it("put the newest prior with the like series beside the current study", () => {
    const hung = hangStudy([protocol({})], now, [older, old], "soft");
    expect(hung?.arrangement.cells.map((cell) => cell?.seriesInstanceUid)).toEqual(["soft", "old"]);
    expect(hung?.arrangement.linked).toBe(true);
  });

  it("never put a later study in the place of a prior", () => {
    const later = study("4", "2028-02-01", series("later", "Soft tissue"));
    const hung = hangStudy([protocol({})], now, [later, old], "soft");
    expect(hung?.arrangement.cells.map((cell) => cell?.seriesInstanceUid)).toEqual(["soft", "old"]);
    expect(hangStudy([protocol({})], now, [later], "soft")).toBeNull();
    const undated = { ...study("5", "", series("undated", "Soft tissue")), study_date: null };
    expect(hangStudy([protocol({})], now, [undated], "soft")).toBeNull();
  });

  it("do not apply without what they require, and give way to the next", () => {
    const alone = protocol({ name: "alone", columns: 1, viewports: [viewport()] });
    expect(hangStudy([protocol({}), alone], now, [], "soft")?.name).toBe("alone");
    expect(hangStudy([protocol({})], now, [], "soft")).toBeNull();
    const head = protocol({ body_parts: ["HEAD"] });
    expect(hangStudy([head], now, [old], "soft")).toBeNull();
  });

  it("show each series once, by the words of its description, through the window asked for", () => {
    const both = protocol({
      viewports: [
        viewport({ description_contains: ["lung"], window: { center: -600, width: 1500 } }),
        viewport({ description_lacks: ["scout"], required: false }),
      ],
    });
    const hung = hangStudy([both], now, [], "lung");
    expect(hung?.arrangement.cells.map((cell) => cell?.seriesInstanceUid)).toEqual(["lung", "soft"]);
    expect(hung?.windows).toEqual([{ lower: -1350, upper: 150 }, null]);
  });

  it("leave a viewport empty where its series is not required", () => {
    const loose = protocol({ viewports: [viewport(), viewport({ study: "prior", required: false })] });
    expect(hangStudy([loose], now, [], "soft")?.arrangement.cells[1]).toBeNull();
  });
});

describe("roles", () => {
  const uids = (hung: HungStage | null) => hung?.arrangement.cells.filter((cell) => cell !== null).map((cell) => cell.seriesInstanceUid);
  type Role = HangingProtocol["viewports"][number]["role"];
  const asking = (...roles: Role[]) => protocol({ modalities: [], rows: 2, columns: 2, viewports: roles.map((role) => viewport({ role })) });
  const mr = (uid: string, description: string, ...roles: SeriesSummary["roles"]) => series(uid, description, { modality: "MR", roles });

  it("place the sequences of a brain, whatever they are called", () => {
    const brain = study("b", "2026-01-01", mr("a", "", "DWI"), mr("b", "T2 FLAIR", "T1_CONTRAST"), mr("c", "T2", "FLAIR"), mr("d", "", "T1"));
    const four = asking("T1", "T1_CONTRAST", "FLAIR", "DWI");
    expect(uids(hangStudy([four], brain, [], "a"))).toEqual(["d", "b", "c", "a"]);
    // No header has to be fetched for it.
    expect(seriesToExamine([four], brain, [])).toEqual([]);
    // What nothing tells is in no role, and the protocol gives way.
    expect(hangStudy([asking("T1")], study("e", "2026-01-01", mr("e", "T1")), [], "e")).toBeNull();
  });

  it("tell the CT of a PET/CT, also of its other roles", () => {
    const both = study("p", "2026-01-01", series("old", "", { roles: ["CT_NATIVE"] }), series("ct", "", { roles: ["CT_OF_PET", "CT_NATIVE"] }));
    expect(uids(hangStudy([asking("CT_OF_PET", "CT_NATIVE")], both, [], "old"))).toEqual(["ct", "old"]);
  });

  it("take of one series with four mammograms the image of the view", () => {
    const views = (["R CC", "L CC"] as const).map((one): ImageView => {
      const [laterality = "", view = ""] = one.split(" ");
      return { sopInstanceUid: one, laterality, view, isSpecial: false, frameCount: 1 } as ImageView;
    });
    images.set("mg", views);
    const breasts = study("m", "2026-01-01", series("mg", "", { modality: "MG", roles: ["R_CC", "L_CC"] }));
    const protocols = [asking("L_CC", "R_CC")];
    expect(seriesToExamine(protocols, breasts, []).map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual(["mg"]);
    const hung = hangStudy(protocols, breasts, [], "mg");
    expect(hung?.arrangement.cells.slice(0, 2).map((cell) => cell?.images)).toEqual([["L CC"], ["R CC"]]);
  });
});

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
  const row = (of: "current" | "prior", view: string) =>
    (["R", "L"] as const).map((laterality) => viewport({ study: of, modalities: ["MG"], laterality, views: [view], required: false }));
  const screening = protocol({
    modalities: ["MG"],
    rows: 2,
    viewports: [...row("current", "CC"), ...row("current", "MLO")],
    stages: [
      { name: "CC, prior above", rows: 2, columns: 2, linked: false, fused: false, viewports: [...row("prior", "CC"), ...row("current", "CC")] },
      { name: "MLO", rows: 1, columns: 2, linked: false, fused: false, viewports: row("current", "MLO") },
    ],
  });
  const cellsOf = ({ arrangement }: HungStage) =>
    arrangement.cells.map((cell) => cell && [cell.seriesInstanceUid, ...(cell.images ?? [])].join(" "));
  const hungFrom = (now: StudyDetail, others: StudyDetail[] = []) => {
    const viewsOf = (uid: string) => images.get(uid) ?? [];
    return hangInput([screening], { study: now, others, viewsOf, preferred: null });
  };

  it("stand in their four places, whether in one series or in four", () => {
    images.set("all", [image("1", "LMLO"), image("2", "RCC"), image("3", "LCC"), image("4", "RMLO"), image("5", "RCC", { isSpecial: true })]);
    const [first] = hungFrom(study("m", "2026-01-01", mg("all", "", 5)))?.stages ?? [];
    expect(first && cellsOf(first)).toEqual(["all 2", "all 3", "all 4", "all 1"]);
    for (const view of ["RCC", "LCC", "RMLO"]) images.set(view, [image(view, view)]);
    // No view in its header: the description says it.
    images.set("x", [image("x", "", { laterality: "" })]);
    const four = study("m", "2026-01-01", mg("LCC"), mg("x", "L MLO"), mg("RMLO"), mg("RCC"));
    expect(cellsOf(hungFrom(four)?.stages[0] as HungStage)).toEqual(["RCC", "LCC", "RMLO", "x"]);
  });

  it("leave out a stage for a prior that is not there, and the place of a breast that is missing", () => {
    images.set("one", [image("1", "LCC"), image("2", "LMLO")]);
    const stages = hungFrom(study("m", "2026-01-01", mg("one", "", 2)))?.stages ?? [];
    expect(stages.map(({ name }) => name)).toEqual(["p", "MLO"]);
    expect(cellsOf(stages[0] as HungStage)).toEqual([null, "one 1", null, "one 2"]);
    expect(stages[0]?.arrangement.active).toBe(1);
  });

  it("stand below their prior, and beside a tomosynthesis of their view take the image", () => {
    images.set("now", [image("t", "RCC", { frameCount: 60 })]);
    images.set("flat", [image("f", "RCC")]);
    images.set("before", [image("p", "RCC")]);
    const prior = study("old", "2024-01-01", mg("before"));
    const stages = hungFrom(study("m", "2026-01-01", mg("now"), mg("flat")), [prior])?.stages ?? [];
    expect(stages[1] && cellsOf(stages[1])).toEqual(["before", null, "flat", null]);
  });

  it("are asked for by their headers only where a protocol that applies needs them", () => {
    const now = study("m", "2026-01-01", mg("all"));
    expect(seriesToExamine([screening], now, [study("old", "2024-01-01", mg("before"), series("ct", ""))])).toHaveLength(2);
    expect(seriesToExamine([protocol({})], now, [])).toEqual([]);
  });
});

describe("an earlier study beside the one that is read", () => {
  const beside = (modality: string) =>
    protocol({
      modalities: [modality],
      columns: 2,
      viewports: [viewport({ modalities: [modality] }), viewport({ study: "prior", modalities: [modality] })],
    });
  const film = (uid: string, part: string, side: ImageView["laterality"], description = "") => {
    images.set(uid, [{ sopInstanceUid: `${uid}.1`, laterality: side, view: "AP", isSpecial: false, frameCount: 1 }]);
    return series(uid, description, { modality: "DX", body_part_examined: part, instance_count: 1 });
  };
  const hungBeside = (now: SeriesSummary, ...before: [string, SeriesSummary][]) => {
    const others = before.map(([date, one]) => study(`study of ${one.series_instance_uid}`, date, one));
    const hung = hangStudy([beside(now.modality)], study("now", "2026-04-10", now), others, now.series_instance_uid);
    return hung && hung.arrangement.cells[1]?.seriesInstanceUid;
  };

  it("is of the same side, however much newer one of the other is", () => {
    const [left, right] = [film("left", "KNEE", "L"), film("right", "KNEE", "R")];
    const now = film("now right", "KNEE", "R");
    expect(hungBeside(now, ["2025-04-10", left], ["2020-04-10", right])).toBe("right");
    expect(hungBeside(now, ["2025-04-10", left])).toBeNull();
    const named = film("named", "KNEE", "", "Knie links");
    expect(hungBeside(now, ["2025-04-10", named])).toBeNull();
  });

  it("is of the same part of the body, by whatever name", () => {
    const chest = film("chest", "THORAX", "");
    expect(hungBeside(film("hand", "HAND", "R"), ["2025-04-10", chest])).toBeNull();
    expect(hungBeside(film("now chest", "CHEST", ""), ["2025-04-10", chest])).toBe("chest");
    expect(hungBeside(film("now hip", "HIP", "R"), ["2025-04-10", film("pelvis", "PELVIS", "")])).toBe("pelvis");
    const trunk = series("trunk", "", { body_part_examined: "CHESTABDPELVIS" });
    expect(hungBeside(series("belly", "", { body_part_examined: "ABDOMEN" }), ["2025-04-10", trunk])).toBe("trunk");
    expect(hungBeside(series("head", "", { body_part_examined: "BRAIN" }), ["2025-04-10", trunk])).toBeNull();
  });

  it("is taken where part or side are not stated", () => {
    expect(hungBeside(film("now right", "KNEE", "R"), ["2025-04-10", film("any", "", "")])).toBe("any");
    expect(hungBeside(film("unsided", "KNEE", ""), ["2025-04-10", film("left", "EXTREMITY", "L")])).toBe("left");
  });

  it("has its headers read for its side where a body has two", () => {
    const knee = (uid: string) => series(uid, "T2", { modality: "MR", body_part_examined: "KNEE" });
    const head = (uid: string) => series(uid, "T2", { modality: "MR", body_part_examined: "HEAD" });
    const [now, before] = [study("now", "2026-04-10", knee("a"), head("b")), study("then", "2025-04-10", knee("c"), head("d"))];
    expect(seriesToExamine([beside("MR")], now, [before]).map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual(["a", "c"]);
    expect(seriesToExamine([beside("MR")], now, [])).toEqual([]);
  });
});

describe("radiographs", () => {
  const film = (uid: string, ...views: string[]) => {
    images.set(
      uid,
      views.map((view) => ({ sopInstanceUid: `${uid} ${view}`, laterality: "", view, isSpecial: false, frameCount: 1 })),
    );
    return series(uid, "", { modality: "DX", instance_count: views.length });
  };
  const one = (of: "current" | "prior", views: string[] = []) =>
    viewport({ study: of, modalities: ["DX"], views, each_image: true });
  const [frontal, lateral] = [["PA", "AP"], ["LL", "RL", "LAT"]];
  const beside = (name: string, views: string[]) => ({
    name,
    rows: 1,
    columns: 2,
    linked: false,
    fused: false,
    viewports: [one("current", views), one("prior", views)],
  });
  const films = protocol({
    name: "both",
    modalities: ["DX"],
    viewports: [one("current"), one("current")],
    stages: [
      beside("frontal", frontal),
      beside("lateral", lateral),
      { name: "prior above", rows: 2, columns: 2, linked: false, fused: false, viewports: [one("prior"), one("prior"), one("current"), one("current")] },
    ],
  });
  const stagesOf = (now: StudyDetail, others: StudyDetail[]) => {
    const viewsOf = (uid: string) => images.get(uid) ?? [];
    const hung = hangInput([films], { study: now, others, viewsOf, preferred: null });
    return hung?.stages.map(({ name, arrangement }) => [name, ...arrangement.cells.map((cell) => cell?.images?.[0] ?? cell?.seriesInstanceUid ?? null)]);
  };

  it("stand beside the like view of the prior, in whichever order and series its images came", () => {
    const now = study("now", "2026-01-01", film("a", "PA", "LL"));
    const then = study("then", "2025-01-01", film("b", "RL"), film("c", "AP"));
    expect(stagesOf(now, [then])).toEqual([
      ["both", "a PA", "a LL"],
      ["frontal", "a PA", "c"],
      ["lateral", "a LL", "b"],
      ["prior above", "c", "b", "a PA", "a LL"],
    ]);
  });

  it("take the view that lay alike, of an older study where the newest has none", () => {
    const now = study("now", "2026-01-01", film("d", "AP", "LL"));
    const newest = study("newest", "2025-06-01", film("e", "PA", "AP"));
    const older = study("older", "2020-01-01", film("f", "LAT"));
    const stages = stagesOf(now, [older, newest]);
    expect(stages?.[1]).toEqual(["frontal", "d AP", "e AP"]);
    expect(stages?.[2]).toEqual(["lateral", "d LL", "f"]);
  });

  it("have no stage for a view without a prior", () => {
    const now = study("now", "2026-01-01", film("g", "PA", "LL"));
    const decubitus = study("then", "2025-01-01", film("h", "LLD"));
    expect(stagesOf(now, [decubitus])?.map(([name]) => name)).toEqual(["both"]);
  });
});
