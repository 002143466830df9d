"use client";

import type { FormEvent } from "react";
import { ownTopic, type OwnTopic } from "@/features/account/lib/ownAccess";
import { Answer, Field } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";

/** Where one's systems meet: one's own topic, and that of another system's hub that it joined. */
export function OwnFhircast() {
  const fetched = useFetched(ownTopic.read);
  return <Answer fetched={fetched}>{(own) => own.enabled && <Topic own={own} onChanged={fetched.reload} />}</Answer>;
}

function Topic({ own, onChanged }: { own: OwnTopic; onChanged: () => void }) {
  const { account: t } = useText();
  const action = useAction(onChanged);
  const join = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const wanted = String(new FormData(event.currentTarget).get("joined")).trim();
    void action.run(() => ownTopic.join(wanted));
  };
  return (
    <section aria-label={t.fhircast} className="mt-8 space-y-3" data-testid="own-fhircast">
      <h2 className="section-title">{t.fhircast}</h2>
      <p className="text-dim">{t.fhircastWhat}</p>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5">
        <dt className="text-dim">{t.hubAddress}</dt>
        <dd className="break-all">{own.hub_url}</dd>
        <dt className="text-dim">{t.ownTopic}</dt>
        <dd className="break-all">{own.topic}</dd>
        {own.joins_hub && (
          <>
            <dt className="text-dim">{t.joinedTopicOf(own.joins_hub)}</dt>
            <dd className="break-all" data-testid="joined-topic">
              {own.joined_topic ? `${own.joined_topic} (${own.is_joined_now ? t.joinedNow : t.joinedLater})` : t.joinedNone}
            </dd>
          </>
        )}
      </dl>
      {action.problem && <ProblemNote problem={action.problem} />}
      {own.joins_hub && own.joined_topic && (
        <button type="button" className="control" disabled={action.busy} onClick={() => void action.run(() => ownTopic.join(""))}>
          {t.leaveTopic}
        </button>
      )}
      {own.joins_hub && !own.joined_topic && (
        <form aria-label={t.joinTopic} className="space-y-3" onSubmit={join}>
          <Field label={t.otherTopic} name="joined" required maxLength={256} pattern="[A-Za-z0-9._~:@\-]+" autoComplete="off" />
          <button type="submit" className="control" disabled={action.busy}>
            {t.joinTopic}
          </button>
        </form>
      )}
    </section>
  );
}
