import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { TourBar } from "@/features/reader/components/tour/TourBar";
import { isTourDue, tourStops, withTour } from "@/features/reader/lib/layout/tour";
import type { Preferences } from "@/shared/api/types";
import type { Session } from "@/shared/api/session";

const person = { signed_in: true, kind: "account", name: "Dr. Ng" } as Session;
const chosen = (tours: string[]) => ({ tours }) as Preferences;

it("comes at the first visit of somebody who signed in, once the node has said that it was not shown", () => {
  expect(isTourDue(person, chosen([]))).toBe(true);
  expect(isTourDue(person, null)).toBe(false);
  expect(isTourDue(null, chosen([]))).toBe(false);
  expect(isTourDue({ ...person, kind: "local" }, chosen([]))).toBe(false);
  expect(isTourDue({ ...person, signed_in: false }, chosen([]))).toBe(false);
});

it("does not come again, and leaves other tours to come", () => {
  const after = withTour(["list"]);
  expect(after).toEqual(["list", "reader"]);
  expect(withTour(after)).toEqual(after);
  expect(isTourDue(person, chosen(after))).toBe(false);
  expect(isTourDue(person, chosen(["list"]))).toBe(true);
});

it("can be skipped at every stop but the last, which ends it", () => {
  const none = () => undefined;
  for (const [at, stop] of tourStops.entries()) {
    const markup = renderToStaticMarkup(createElement(TourBar, { tour: { stop, number: at + 1, begin: none, next: none, end: none } }));
    expect(markup.includes("Skip the tour")).toBe(at < tourStops.length - 1);
    expect(markup).toContain(at < tourStops.length - 1 ? "Next" : "Done");
  }
  expect(renderToStaticMarkup(createElement(TourBar, { tour: { stop: null, number: 1, begin: none, next: none, end: none } }))).toBe("");
});
