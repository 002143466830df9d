import { useText } from "@/shared/hooks/useText";
import type { CaveatPart } from "@/shared/api/types";
import { caveatSentence } from "@/shared/lib/findingNames";

/** What makes a value doubtful: in the language of the page, and where that is not the node's, with its own words, which have all details. */
export function CaveatNote({ caveat }: { caveat: CaveatPart }) {
  const { problems } = useText();
  const sentence = caveatSentence(caveat);
  const words = <span lang="en">{caveat.text}</span>;
  return (
    <div data-testid="caveat" className="mt-1 text-warn">
      {sentence === null ? (
        <p>{words}</p>
      ) : (
        <>
          <p>{sentence}</p>
          <p className="text-xs text-dim">
            {problems.inEnglish}: {words}
          </p>
        </>
      )}
    </div>
  );
}
