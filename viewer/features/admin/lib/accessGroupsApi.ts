import { dataOf, node } from "@/shared/api/api";
import { writtenJson } from "@/shared/lib/writtenJson";
import type {
  AccessGroup,
  AccessMember,
  AccessPolicy,
  AccessPolicyStatus,
  NewAccessGroup,
  NewAccessMember,
} from "@/shared/api/types";

type Items<T> = { items: T[] };
const path = (name: string) => ({ path: { name } });

export const accessPolicy = {
  get: (signal?: AbortSignal) => dataOf<AccessPolicyStatus>(node.GET("/api/v1/access-policy", { signal })),
  set: (body: AccessPolicy) => dataOf<AccessPolicyStatus>(node.PUT("/api/v1/access-policy", { body })),
};

export const accessGroups = {
  list: (signal?: AbortSignal) => dataOf<Items<AccessGroup>>(node.GET("/api/v1/access-groups", { signal })),
  add: (body: NewAccessGroup) => dataOf<AccessGroup>(node.POST("/api/v1/access-groups", { body })),
  remove: (name: string) => node.DELETE("/api/v1/access-groups/{name}", { params: path(name) }),
  members: (name: string, signal?: AbortSignal) =>
    dataOf<Items<AccessMember>>(
      node.GET("/api/v1/access-groups/{name}/members", { params: path(name), signal }),
    ),
  addMember: (name: string, body: NewAccessMember) =>
    node.POST("/api/v1/access-groups/{name}/members", { params: path(name), body }),
  removeMember: (name: string, { kind, subject, issuer }: AccessMember) =>
    node.DELETE("/api/v1/access-groups/{name}/members", {
      params: { ...path(name), query: { kind, subject, issuer } },
    }),
};

/** What a person wrote; what it means is checked by the node. Throws a Problem for what is no JSON. */
export function ruleFrom(written: string): NewAccessGroup["rule"] {
  return written.trim() ? (writtenJson(written) as NewAccessGroup["rule"]) : null;
}
