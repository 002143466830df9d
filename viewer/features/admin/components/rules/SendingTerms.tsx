"use client";

import { useText } from "@/shared/hooks/useText";
import type { RoutingRule } from "@/shared/api/types";

/** When what a rule sends leaves, with which attributes and in which syntax. */
export function SendingTerms({ rule }: { rule: RoutingRule }) {
  const { admin: t } = useText();
  const lines = [
    rule.hours && t.inHours(rule.hours.join("; ")),
    rule.set && Object.keys(rule.set).length > 0 && t.setsAttributes(Object.keys(rule.set).join(", ")),
    rule.remove && rule.remove.length > 0 && t.removesAttributes(rule.remove.join(", ")),
    rule.transfer_syntax && t.writtenAs(rule.transfer_syntax),
  ].filter((one): one is string => typeof one === "string");
  return lines.map((line) => (
    <div key={line} className="text-xs text-dim">
      {line}
    </div>
  ));
}
