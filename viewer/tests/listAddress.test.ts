import { expect, test } from "vitest";
import { listAddress, readListQuery, returnAddress } from "@/lib/listAddress";

test("what the address says is what was searched for", () => {
  const address = listAddress({ text: "Jane & co", offset: 50 });
  const parameters = new URLSearchParams(address.slice(address.indexOf("?")));
  expect(readListQuery(parameters)).toEqual({ text: "Jane & co", offset: 50 });
});

test("the whole list has the plain address", () => {
  expect(listAddress({ text: "", offset: 0 })).toBe("/");
});

test("an offset that is no number is none", () => {
  expect(readListQuery(new URLSearchParams("offset=-3")).offset).toBe(0);
  expect(readListQuery(new URLSearchParams("offset=many")).offset).toBe(0);
});

test("the reader returns to the search that it was opened from", () => {
  listAddress({ text: "knee", offset: 0 });
  expect(returnAddress("1.2.3")).toBe("/?q=knee#1.2.3");
});
