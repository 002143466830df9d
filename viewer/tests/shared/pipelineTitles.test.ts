import { expect, test } from "vitest";
import { PipelineTitles } from "@/shared/lib/pipelineTitles";

const titles = new PipelineTitles([
  { name: "brain-volume", title: "Brain volume (T1)" },
  { name: "brain", title: "Whole brain" },
]);

test("a pipeline has the node's title, or one made from its name", () => {
  expect(titles.of("brain-volume")).toBe("Brain volume (T1)");
  expect(titles.of("old-pipeline")).toBe("Old pipeline");
});

test("the node's sentence names the pipeline by its title", () => {
  expect(titles.within("brain-volume is running: 40%.", ["brain-volume"])).toBe(
    "Brain volume (T1) is running: 40%.",
  );
});

test("a name inside another name is left alone", () => {
  expect(titles.within("brain and brain-volume wait.", ["brain", "brain-volume"])).toBe(
    "Whole brain and Brain volume (T1) wait.",
  );
});
