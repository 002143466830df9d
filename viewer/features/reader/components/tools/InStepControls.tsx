import type { InStepState, InStepWith } from "@/features/reader/hooks/stage/useInStep";
import { ToolButton } from "@/features/reader/components/tools/ToolButton";
import { useText } from "@/shared/hooks/useText";

/** A second window for another monitor, and what the two take over from each other. */
export function InStepControls({ inStep }: { inStep: InStepState }) {
  const { viewing } = useText();
  const { inStep: t } = viewing;
  return (
    <>
      <ToolButton icon="secondWindow" name={t.open} hint={t.hint} testId="second-window" onClick={inStep.open} />
      {inStep.others > 0 && (
        <select
          aria-label={t.with}
          title={t.with}
          data-testid="in-step"
          className="control w-28 px-1"
          value={inStep.mode}
          onChange={(event) => {
            inStep.setMode(event.target.value as InStepWith);
            event.target.blur();
          }}
        >
          {(["position", "window", "off"] as const).map((mode) => (
            <option key={mode} value={mode}>
              {t.modes[mode]}
            </option>
          ))}
        </select>
      )}
    </>
  );
}
