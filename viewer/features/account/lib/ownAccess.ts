/** One's own second factors and sessions, as the node keeps them. */
import { dataOf, node } from "@/shared/api/api";
import { text } from "@/shared/i18n";
import { Problem } from "@/shared/api/problem";
import type { NewTotp, OwnFactors, OwnSession } from "@/shared/api/types";

type Codes = { recovery_codes: string[] };
type Options = { public_key: Record<string, unknown> };

/** Where one's systems meet (FHIRcast), and the topic of another system's hub that this one joined. */
export interface OwnTopic {
  enabled: boolean;
  topic: string;
  hub_url: string;
  joins_hub: string;
  joined_topic: string;
  is_joined_now: boolean;
}

export const ownTopic = {
  read: (signal?: AbortSignal) => dataOf<OwnTopic>(node.GET("/api/v1/fhircast", { signal })),
  /** An empty name leaves it. */
  join: (joined_topic: string) => dataOf<OwnTopic>(node.PUT("/api/v1/fhircast/joined", { body: { joined_topic, user: "" } })),
};

export type ShownFactor = { code: string } | { recovery_code: string };

export const factors = {
  list: (signal?: AbortSignal) => dataOf<OwnFactors>(node.GET("/api/v1/me/second-factors", { signal })),
  beginApp: () => dataOf<NewTotp>(node.POST("/api/v1/me/second-factors/totp")),
  finishApp: (factor_id: string, code: string, label: string) =>
    dataOf<Codes>(
      node.POST("/api/v1/me/second-factors/totp/{factor_id}", {
        params: { path: { factor_id } },
        body: { code, label },
      }),
    ),
  remove: (factor_id: string) =>
    node.DELETE("/api/v1/me/second-factors/{factor_id}", { params: { path: { factor_id } } }),
  renewCodes: () => dataOf<Codes>(node.POST("/api/v1/me/recovery-codes")),
  show: (body: ShownFactor) => node.POST("/api/v1/session/second-factor", { body }),
  async addKey(label: string): Promise<Codes> {
    const { public_key } = await dataOf<Options>(node.POST("/api/v1/me/second-factors/key/options"));
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
      public_key as unknown as PublicKeyCredentialCreationOptionsJSON,
    );
    const credential = asJson(await answered(navigator.credentials.create({ publicKey })));
    return dataOf<Codes>(node.POST("/api/v1/me/second-factors/key", { body: { credential, label } }));
  },
  async showKey(): Promise<void> {
    const { public_key } = await dataOf<Options>(node.POST("/api/v1/session/second-factor/options"));
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
      public_key as unknown as PublicKeyCredentialRequestOptionsJSON,
    );
    const credential = asJson(await answered(navigator.credentials.get({ publicKey })));
    await node.POST("/api/v1/session/second-factor", { body: { credential } });
  },
};

export const sessions = {
  list: (signal?: AbortSignal) =>
    dataOf<{ items: OwnSession[] }>(node.GET("/api/v1/me/sessions", { signal })),
  end: (session_id: string) =>
    node.DELETE("/api/v1/me/sessions/{session_id}", { params: { path: { session_id } } }),
  endOthers: () => node.DELETE("/api/v1/me/sessions"),
};

/** Whether this browser can use security keys on this page. */
export function canUseKeys(): boolean {
  return (
    typeof PublicKeyCredential !== "undefined" &&
    typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function"
  );
}

/** What the key answers; that a person called it off, or let it wait, is a problem like others. */
async function answered(asked: Promise<Credential | null>): Promise<Credential | null> {
  try {
    return await asked;
  } catch {
    return null;
  }
}

function asJson(credential: Credential | null): Record<string, unknown> {
  if (credential instanceof PublicKeyCredential) return credential.toJSON() as unknown as Record<string, unknown>;
  const { account: t } = text();
  throw new Problem(0, t.noKeyAnswer, "", t.noKeyRemedy, "no_key_answer");
}
