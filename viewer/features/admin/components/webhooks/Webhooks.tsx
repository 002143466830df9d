"use client";

import { useState } from "react";
import { Answer, Grid } from "@/shared/components/parts";
import { Secret } from "@/features/admin/components/access/Secret";
import { WebhookForm } from "@/features/admin/components/webhooks/WebhookForm";
import { WebhookRows } from "@/features/admin/components/webhooks/WebhookRows";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { webhooks } from "@/features/admin/lib/adminApi";

/** Programs that are notified of what happens here. */
export function Webhooks() {
  const { admin: t, common } = useText();
  const fetched = useFetched(webhooks.list);
  const [secret, setSecret] = useState<{ url: string; secret: string } | null>(null);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.webhooksWhat}</p>
      {secret && <Secret of={secret.url} value={secret.secret} onClose={() => setSecret(null)} />}
      <WebhookForm
        webhook={null}
        onSave={async (wish, kind) => {
          const added = await webhooks.add({ ...wish, kind });
          if (added.secret) setSecret(added);
          fetched.reload();
        }}
      />
      <Answer fetched={fetched}>
        {({ items }) => (
          <Grid
            label={t.parts.webhooks}
            columns={[t.address, t.events, t.stateWord, t.onTheWay, common.actions]}
            empty={items.length === 0 ? t.noWebhooks : ""}
          >
            {items.map((one) => (
              <WebhookRows
                key={one.webhook_id}
                webhook={one}
                columns={5}
                onSecret={setSecret}
                onChanged={fetched.reload}
              />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}
