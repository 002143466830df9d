"use client";

import { useState } from "react";
import { Answer, Grid } from "@/components/admin/parts";
import { Secret } from "@/components/admin/Secret";
import { WebhookForm } from "@/components/admin/WebhookForm";
import { WebhookRows } from "@/components/admin/WebhookRows";
import { useAsked } from "@/hooks/useAsked";
import { useText } from "@/hooks/useText";
import { webhooks } from "@/lib/adminApi";

/** Programs that are told what happens here. */
export function Webhooks() {
  const { admin: t, upkeep } = useText();
  const asked = useAsked(webhooks.list);
  const [secret, setSecret] = useState<{ url: string; secret: string } | null>(null);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.webhooksWhat}</p>
      {secret && <Secret of={secret.url} value={secret.secret} onClose={() => setSecret(null)} />}
      <WebhookForm
        webhook={null}
        onSave={async ({ url, description, events }) => {
          setSecret(await webhooks.add(url, description, events));
          asked.reload();
        }}
      />
      <Answer asked={asked}>
        {({ items }) => (
          <Grid
            label={t.parts.webhooks}
            columns={[t.address, t.events, t.stateWord, t.onTheWay, upkeep.actions]}
            empty={items.length === 0 ? t.noWebhooks : ""}
          >
            {items.map((one) => (
              <WebhookRows
                key={one.webhook_id}
                webhook={one}
                columns={5}
                onSecret={setSecret}
                onChanged={asked.reload}
              />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}
