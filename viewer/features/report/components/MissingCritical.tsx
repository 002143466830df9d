import { useLanguage, useText } from "@/shared/hooks/useText";
import { missingInWords, type Missing } from "@/features/report/lib/missing";

/** Critical findings of the source that a text made of it does not state, in the reader's language. */
export function MissingCritical({ missing }: { missing: readonly Missing[] }) {
  const { report: t } = useText();
  const language = useLanguage();
  if (missing.length === 0) return null;
  return (
    <ul lang={language} className="flex flex-col gap-1 text-bad" data-testid="missing">
      {missing.map((one, n) => (
        <li key={n} data-category={one.category}>
          {missingInWords(one, language, t)}
        </li>
      ))}
    </ul>
  );
}
