import type { RuleCondition } from "@/shared/api/types";

function several(parts: readonly RuleCondition[], word: string): string {
  return parts.map((one) => bracketed(one)).join(` ${word} `);
}

function bracketed(one: RuleCondition): string {
  const text = conditionText(one);
  const parts = one.all ?? one.any ?? [];
  return parts.length > 1 ? `(${text})` : text;
}

/** A condition of a rule in one line: Modality = CT and slice_spacing_mm ≤ 3. */
export function conditionText(condition: RuleCondition): string {
  if (condition.all) return several(condition.all, "and");
  if (condition.any) return several(condition.any, "or");
  if (condition.not) return `not ${bracketed(condition.not)}`;
  const { name = "", test } = condition;
  const parts = [
    test?.equals && `${name} = ${test.equals.join(" | ")}`,
    test?.contains && `${name} ∋ ${test.contains.join(" | ")}`,
    typeof test?.matches === "string" && `${name} ~ ${test.matches}`,
    typeof test?.at_least === "number" && `${name} ≥ ${test.at_least}`,
    typeof test?.at_most === "number" && `${name} ≤ ${test.at_most}`,
    test?.hours && `${name} in ${test.hours.join("; ")}`,
    typeof test?.present === "boolean" && (test.present ? `${name} present` : `${name} absent`),
  ].filter((one): one is string => typeof one === "string" && one !== "");
  return parts.join(" and ");
}
