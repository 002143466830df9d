import { expect, it } from "vitest";
import { areOfSeveralPersons, ofIssuer } from "@/features/reader/lib/studies/patientStudies";

const answer = (uid: string, issuer?: string) => ({
  "0020000D": { vr: "UI", Value: [uid] },
  ...(issuer === undefined ? {} : { "00100021": { vr: "LO", Value: [issuer] } }),
});

it("takes the studies of exactly that issuer, although a search takes wildcards", () => {
  const found = [answer("1", "CLINIC"), answer("2", "CLINIC*"), answer("3", "clinic"), answer("4")];
  expect([...ofIssuer(found, "CLINIC*")]).toEqual(["2"]);
  expect([...ofIssuer(found, "CLINIC")]).toEqual(["1"]);
});

it("knows studies of several persons under one patient ID by name and birth date", () => {
  const study = (patient_name: string, patient_birth_date: string | null = "1970-01-01") => ({ patient_name, patient_birth_date });
  expect(areOfSeveralPersons([study("Müller^Grete"), study("MÜLLER^GRETE^^")])).toBe(false);
  expect(areOfSeveralPersons([study("Müller^Grete"), study("Meier^Hans")])).toBe(true);
  expect(areOfSeveralPersons([study("Müller^Grete"), study("Müller^Grete", "1999-09-09")])).toBe(true);
  expect(areOfSeveralPersons([])).toBe(false);
});
