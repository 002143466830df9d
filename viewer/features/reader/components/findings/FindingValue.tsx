import { caveatSentence, findingName } from "@/shared/lib/findingNames";
import { useText } from "@/shared/hooks/useText";
import { countsNone, feedbackText, isImplausible, isTruncated, latestFeedback, statedText, truncationText, badgeOf } from "@/shared/lib/feedback";
import { findingValue, unitSymbol } from "@/shared/lib/format";
import type { Tone } from "@/shared/lib/state";
import { findingDragType } from "@/shared/lib/dragTypes";
import type { Finding } from "@/shared/api/types";

const colors: Partial<Record<Tone, string>> = {
  good: "text-good",
  warn: "text-warn",
  bad: "text-bad",
};

/** What the pipeline stated, as a button that shows and opens it; with the sign of its feedback. */
export function FindingValue({
  finding,
  chosen,
  onChoose,
}: {
  finding: Finding;
  chosen: boolean;
  onChoose: () => void;
}) {
  const { reader: t } = useText();
  const given = latestFeedback(finding);
  const badge = given && badgeOf(given);
  const unit = finding.unit?.value ?? "";
  const truncated = isTruncated(finding);
  const implausible = isImplausible(finding);
  const none = countsNone(finding);
  const caveats = (finding.validity?.caveat_parts ?? []).map((one) => caveatSentence(one) ?? one.text).join(" ");
  const stated =
    finding.confidence !== null
      ? t.confident(Math.round(finding.confidence * 100))
      : t.isStated;
  return (
    <span
      data-testid="finding"
      data-finding-id={finding.finding_id}
      draggable
      onDragStart={(event) => {
        event.dataTransfer.setData(findingDragType, finding.finding_id);
        event.dataTransfer.effectAllowed = "copy";
      }}
    >
      <button
        type="button"
        aria-expanded={chosen}
        // The words beside a doubtful value wrap: in one line they push the other side out of the panel.
        className={`rounded border border-transparent px-1 hover:border-line-strong aria-expanded:border-accent aria-expanded:bg-raised ${
          truncated || implausible ? "[text-align:inherit]" : "whitespace-nowrap"
        }`}
        onClick={onChoose}
      >
        <span className="sr-only">{findingName(finding.label)}: </span>
        {badge && (
          <span aria-hidden="true" className={`mr-1 ${colors[badge.tone] ?? ""}`}>
            {badge.sign}
          </span>
        )}
        {finding.segmentation && (
          <span
            aria-hidden="true"
            className="mr-1 inline-block size-2 rounded-xs"
            style={{ backgroundColor: `rgb(${finding.segmentation.color_rgb.join(" ")})` }}
          />
        )}
        {finding.value !== null ? (
          <span
            data-testid="finding-value"
            data-value={finding.value}
            data-unit={unit}
            data-truncated={truncated || undefined}
            data-implausible={implausible || undefined}
            title={finding.is_left_out ? t.leftOut : truncated ? truncationText(finding) : implausible ? finding.validity?.reason : caveats || (none ? t.noneFoundWhat : undefined)}
            className={
              given?.kind === "REJECTED" || finding.is_left_out ? "line-through" : truncated || implausible ? "text-warn" : "font-semibold"
            }
          >
            {none ? (
              <span className="font-normal">{t.noneFound}</span>
            ) : truncated || implausible ? (
              <span className="text-xs">
                {truncated ? t.truncated : t.implausible} ({statedText(finding)})
              </span>
            ) : (
              <>
                {findingValue(finding.value, unit)}{" "}
                <span className="text-xs font-normal">{unitSymbol(unit)}</span>
                {caveats && (
                  <span className="ml-1 text-warn">
                    <span aria-hidden="true">⚠</span>
                    <span className="sr-only">{t.hasCaveat}</span>
                  </span>
                )}
              </>
            )}
          </span>
        ) : (
          stated
        )}
        {finding.is_left_out && <span className="sr-only">, {t.leftOut}</span>}
        {given && <span className="sr-only">, {feedbackText(given)}</span>}
      </button>
    </span>
  );
}
