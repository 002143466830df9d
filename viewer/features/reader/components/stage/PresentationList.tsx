import type { Presentations } from "@/features/reader/hooks/stage/usePresentations";
import { useText } from "@/shared/hooks/useText";
import { dateText } from "@/shared/lib/format";

/** The presentation states of the study; pressed, their images are shown as someone left them. */
export function PresentationList({ presentations }: { presentations: Presentations }) {
  const { viewing: t } = useText();
  const { states, failures, isOfOther, chosenFor, toggle } = presentations;
  if (states.length === 0 && failures.length === 0) return null;
  return (
    <>
      <h2 className="section-title mt-5 mb-2 px-1">{t.presentations}</h2>
      <ul className="space-y-2">
        {states.map((state) => {
          const isOn = [...state.images.keys()].some((uid) => chosenFor(uid) === state);
          return (
            <li key={state.sopInstanceUid}>
              <button
                type="button"
                aria-pressed={isOn}
                data-testid="presentation-state"
                className="block w-full rounded-md border border-line p-1.5 text-left text-xs hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-raised"
                onClick={() => toggle(state)}
              >
                <span className="block truncate font-medium" title={state.description || state.label}>
                  {state.description || state.label}
                </span>
                <span className="block truncate text-dim">
                  {[dateText(state.date), state.creator].filter(Boolean).join(", ") || state.label}
                </span>
                {isOfOther(state) && <span className="block text-warn">{t.otherPatient.named}</span>}
                {isOn &&
                  state.notices.map((notice) => (
                    <span key={notice} className="block text-warn">
                      {notice}
                    </span>
                  ))}
              </button>
            </li>
          );
        })}
      </ul>
      {failures.map((failure) => (
        <p key={failure} role="alert" className="px-1 text-xs text-warn">
          {failure}
        </p>
      ))}
    </>
  );
}
