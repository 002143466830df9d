"use client";

import { useState } from "react";
import { FactorSetup } from "@/features/account/components/FactorSetup";
import { RecoveryCodes } from "@/features/account/components/RecoveryCodes";
import { factors } from "@/features/account/lib/ownAccess";
import { Answer, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { moment } from "@/shared/lib/format";
import type { SecondFactor } from "@/shared/api/types";

/** What one has beside the password. */
export function SecondFactors() {
  const { account: t } = useText();
  const fetched = useFetched(factors.list);
  const action = useAction(fetched.reload);
  const [codes, setCodes] = useState<string[]>([]);
  const renew = () => action.run(async () => setCodes((await factors.renewCodes()).recovery_codes));
  return (
    <section aria-label={t.secondFactors} className="mt-8 space-y-3" data-testid="second-factors">
      <h2 className="section-title">{t.secondFactors}</h2>
      <Answer fetched={fetched}>
        {({ items, recovery_codes_left, is_required, keys_work }) => (
          <>
            {items.length === 0 && (
              <p className="text-dim">
                {t.noFactor} {is_required && t.factorRequired}
              </p>
            )}
            <ul className="space-y-1.5">
              {items.map((factor) => (
                <Factor
                  key={factor.factor_id}
                  factor={factor}
                  busy={action.busy}
                  onRemove={() => void action.run(() => factors.remove(factor.factor_id))}
                />
              ))}
            </ul>
            {action.problem && <ProblemNote problem={action.problem} />}
            {items.length > 0 && (
              <p className="flex flex-wrap items-center gap-3 text-dim">
                {t.recoveryCodesLeft(recovery_codes_left)}
                <button
                  type="button"
                  className="control px-2 py-0.5"
                  disabled={action.busy}
                  onClick={() => void renew()}
                >
                  {t.renewCodes}
                </button>
              </p>
            )}
            {codes.length > 0 ? (
              <RecoveryCodes codes={codes} onKept={() => setCodes([])} />
            ) : (
              <FactorSetup keysWork={keys_work} onDone={fetched.reload} />
            )}
          </>
        )}
      </Answer>
    </section>
  );
}

function Factor({ factor, busy, onRemove }: { factor: SecondFactor; busy: boolean; onRemove: () => void }) {
  const { account: t } = useText();
  const label = factor.label || t.factorKinds[factor.kind];
  const used = moment(factor.last_used_at);
  return (
    <li className="flex flex-wrap items-center gap-3" data-testid="second-factor">
      <span className="font-medium">{label}</span>
      <span className="text-xs text-dim">
        {t.factorKinds[factor.kind]}, {used ? t.lastUsed(used) : t.neverUsed}
      </span>
      <SureButton word={t.remove} label={t.removeOf(label)} busy={busy} onSure={onRemove} />
    </li>
  );
}
