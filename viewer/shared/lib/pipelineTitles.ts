import { pipelineTitle } from "@/shared/lib/format";

/** The titles that the node gives its pipelines, so that one thing has one name on every page. */
export class PipelineTitles {
  private readonly titles: ReadonlyMap<string, string>;

  constructor(pipelines: readonly { name: string; title: string }[]) {
    this.titles = new Map(pipelines.map(({ name, title }) => [name, title || pipelineTitle(name)]));
  }

  /** The title, or one made from the name where the node knows the pipeline no longer. */
  of(name: string): string {
    return this.titles.get(name) ?? pipelineTitle(name);
  }

  /** A sentence of the node's, with the title of each of these pipelines in place of its name. */
  within(sentence: string, names: readonly string[]): string {
    const longestFirst = [...new Set(names)].filter(Boolean).sort((a, b) => b.length - a.length);
    return longestFirst.reduce(
      (text, name) =>
        text.replace(
          new RegExp(`(?<![\\w-])${escaped(name)}(?![\\w-])`, "g"),
          () => this.of(name),
        ),
      sentence,
    );
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
