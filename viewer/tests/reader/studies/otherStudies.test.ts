import { describe, expect, it } from "vitest";
import { setLanguage } from "@/shared/i18n/language";
import { isPriorOf, isSamePerson, markText, nearestOthers, relationText } from "@/features/reader/lib/studies/otherStudies";

const read = {
  study_instance_uid: "1.2.3",
  patient_id: "4711",
  patient_name: "Müller^Jörg",
  patient_birth_date: "1950-03-01" as string | null,
  patient_sex: "M",
  study_date: "2024-06-15" as string | null,
  study_time: "10:30:00" as string | null,
};
const other = (change: Partial<typeof read>) => ({ ...read, study_instance_uid: "1.2.4", ...change });

describe("whose another study is", () => {
  it("is decided by ID and birth date, whatever the name became", () => {
    expect(isSamePerson(other({ patient_name: "Schmidt^Jörg" }), read)).toBe(true);
    expect(isSamePerson(other({ patient_birth_date: "1950-03-02" }), read)).toBe(false);
    expect(isSamePerson(other({ patient_id: "4712" }), read)).toBe(false);
    expect(isSamePerson(other({ patient_id: "" }), { ...read, patient_id: "" })).toBe(false);
  });

  it("is decided by name and sex where a birth date is missing", () => {
    const undated = { patient_birth_date: null };
    expect(isSamePerson(other({ ...undated, patient_name: "MULLER^JORG^^^" }), read)).toBe(true);
    expect(isSamePerson(other({ ...undated, patient_name: "Yamada^Taro" }), read)).toBe(false);
    expect(isSamePerson(other({ ...undated, patient_sex: "F" }), read)).toBe(false);
    expect(isSamePerson(other({ ...undated, patient_sex: "" }), read)).toBe(true);
    for (const sex of ["m", "Male "]) expect(isSamePerson(other({ ...undated, patient_sex: sex }), read)).toBe(true);
    expect(isSamePerson(other({ ...undated, patient_sex: "w" }), read)).toBe(false);
    const both = { ...read, patient_birth_date: null };
    expect(isSamePerson(other({ ...undated, patient_name: "Doe^Jane" }), both)).toBe(false);
  });
});

describe("a prior", () => {
  it("was made before, by date and then by time", () => {
    expect(isPriorOf(other({ study_date: "2022-06-15" }), read)).toBe(true);
    expect(isPriorOf(other({ study_date: "2026-06-15" }), read)).toBe(false);
    expect(isPriorOf(other({ study_time: "09:00:00" }), read)).toBe(true);
    expect(isPriorOf(other({ study_time: "11:00:00" }), read)).toBe(false);
    expect(isPriorOf(other({ study_time: null }), read)).toBe(false);
    expect(isPriorOf(other({ study_date: null }), read)).toBe(false);
    expect(isPriorOf(read, read)).toBe(false);
  });
});

describe("how far away in time a study is", () => {
  it("is written with its sign and a unit of its size", () => {
    const at = (study_date: string | null, study_time: string | null = null) =>
      relationText({ study_date, study_time }, read);
    expect(at("2022-06-15")).toBe("−2 y");
    expect(at("2026-06-10")).toBe("later, +2 y");
    expect(at("2023-06-15")).toBe("−12 mo");
    expect(at("2024-09-15")).toBe("later, +3 mo");
    expect(at("2024-06-01")).toBe("−14 d");
    expect(at("2024-06-15")).toBe("same day");
    expect(at("2024-06-15", "08:40:00")).toBe("−2 h");
    expect(at("2024-06-15", "10:52:00")).toBe("later, +22 min");
    expect(at(null)).toBe("date unknown");
    expect(markText({ study_date: "2026-06-15", study_time: null }, read)).toBe("Later study, +2 y");
    setLanguage("de");
    expect(markText({ study_date: "2022-06-15", study_time: null }, read)).toBe("Frühere Studie, −2 J.");
    expect(at("2026-06-10")).toBe("später, +2 J.");
  });
});

it("keeps places for priors where many later studies are nearer", () => {
  const dated = (study_date: string | null) => ({ study_date, study_time: null });
  const later = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05"].map(dated);
  const before = ["2010-01-01", "2020-01-01"].map(dated);
  const chosen = nearestOthers([...later, dated(null), ...before], read, 4);
  expect(chosen.map((one) => one.study_date)).toEqual(["2020-01-01", "2010-01-01", "2024-07-01", "2024-07-02"]);
});
