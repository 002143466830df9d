"use client";

import { Badge } from "@/shared/components/Badge";
import { SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { accessPolicy } from "@/features/admin/lib/accessGroupsApi";
import type { AccessPolicyStatus } from "@/shared/api/types";

/** Whether access groups decide who sees what, and what an administrator should look at. */
export function AccessPolicy({ status, onChanged }: { status: AccessPolicyStatus; onChanged: () => void }) {
  const { accessGroups: t } = useText();
  const action = useAction(onChanged);
  const { is_enforced, unmatched } = status;
  const word = is_enforced ? t.stop : t.enforce;
  return (
    <section className="mb-4 max-w-3xl space-y-2 rounded-lg border border-line bg-panel p-4" data-testid="access-policy">
      <div className="flex flex-wrap items-center gap-3">
        <Badge word={is_enforced ? t.enforced : t.notEnforced} tone={is_enforced ? "good" : "quiet"} />
        <SureButton
          word={word}
          label={word}
          busy={action.busy}
          onSure={() => void action.run(() => accessPolicy.set({ is_enforced: !is_enforced, unmatched }))}
        />
      </div>
      <ul className="text-dim">
        <li>{t.unmatched[unmatched]}</li>
        <li>{t.waiting(status.waiting, status.studies)}</li>
        <li>{t.everything(status.webhooks_sending_everything)}</li>
        <li className={status.webhooks_without_owner > 0 ? "text-warn" : ""}>
          {t.withoutOwner(status.webhooks_without_owner)}
        </li>
        {status.unreadable_rules.length > 0 && (
          <li className="text-bad">{t.unreadable(status.unreadable_rules.join(", "))}</li>
        )}
      </ul>
      {action.problem && <ProblemNote problem={action.problem} />}
    </section>
  );
}
