/** The site's rules: in force, as text, version by version, and tried before they are saved. */
import { dataOf, node } from "@/shared/api/api";
import type {
  NewRules,
  Page,
  RulesPreview,
  RulesText,
  RuleSet,
  RuleVersion,
  WholeRuleVersion,
} from "@/shared/api/types";

export const rules = {
  get: (signal?: AbortSignal) => dataOf<RuleSet>(node.GET("/api/v1/rules", { signal })),
  text: (signal?: AbortSignal) => dataOf<RulesText>(node.GET("/api/v1/rules/text", { signal })),
  preview: (text: string, studies: number) =>
    dataOf<RulesPreview>(node.POST("/api/v1/rules/preview", { body: { text, studies } })),
  save: (body: NewRules) => dataOf<RuleVersion>(node.PUT("/api/v1/rules/text", { body })),
  versions: (limit: number, offset: number, signal?: AbortSignal) =>
    dataOf<Page<RuleVersion>>(
      node.GET("/api/v1/rules/versions", { params: { query: { limit, offset } }, signal }),
    ),
  version: (number: number, signal?: AbortSignal) =>
    dataOf<WholeRuleVersion>(
      node.GET("/api/v1/rules/versions/{number}", { params: { path: { number } }, signal }),
    ),
};
