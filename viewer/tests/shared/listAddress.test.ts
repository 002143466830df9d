import { describe, expect, it } from "vitest";
import {
  direction,
  listAddress,
  listParameters,
  readListQuery,
  returnAddress,
  sortedBy,
  wholeList,
  type ListQuery,
} from "@/shared/lib/listAddress";

const narrow: ListQuery = {
  ...wholeList,
  text: "Müller^A & Söhne",
  offset: 100,
  modalities: ["MR", "CT"],
  states: ["running", "results"],
  reports: ["none", "final"],
  critical: true,
  from: "2026-01-01",
  to: "2026-01-31",
  sort: "patient_name",
  order: "desc",
};

describe("the address of the list", () => {
  it("is short for the whole list", () => {
    expect(listAddress(wholeList)).toBe("/");
  });

  it("says all that narrows the list, and is read again", () => {
    const read = readListQuery(listParameters(narrow));
    expect({ ...read, states: [...read.states].sort() }).toEqual({
      ...narrow,
      states: [...narrow.states].sort(),
    });
  });

  it("reads what is no query as the whole list", () => {
    const odd = "offset=-5&state=LOST&modality=<b>&from=yesterday&sort=colour&order=up";
    expect(readListQuery(new URLSearchParams(odd))).toEqual(wholeList);
    expect(readListQuery(new URLSearchParams("offset=1e9e9"))).toEqual(wholeList);
  });

  it("is where the reader returns to, at the row of its study", () => {
    listAddress({ ...wholeList, text: "head", offset: 50 });
    expect(returnAddress("1.2.3")).toBe("/?q=head&offset=50#1.2.3");
  });
});

describe("sorting", () => {
  it("begins with what people expect, turns, and starts at the first page", () => {
    const byName = sortedBy({ ...wholeList, offset: 50 }, "patient_name");
    expect(byName).toMatchObject({ sort: "patient_name", order: "", offset: 0 });
    expect(direction(byName)).toBe("asc");
    const turned = sortedBy(byName, "patient_name");
    expect(direction(turned)).toBe("desc");
    expect(direction(sortedBy(turned, "patient_name"))).toBe("asc");
    expect(direction(sortedBy(turned, "study_date"))).toBe("desc");
  });
});
