"use client";

import { type FormEvent, useState } from "react";
import { Answer, Field, Select, SureButton } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { accessGroups } from "@/features/admin/lib/accessGroupsApi";
import { moment } from "@/shared/lib/format";
import type { AccessMember } from "@/shared/api/types";

type Kind = AccessMember["kind"];

const kinds: readonly Kind[] = ["account", "key", "oidc", "oidc-group", "peer"];
const ofProvider: readonly Kind[] = ["oidc", "oidc-group"];

/** Who belongs to a group. */
export function AccessMembers({ group, onChanged }: { group: string; onChanged: () => void }) {
  const { accessGroups: t, common } = useText();
  const fetched = useFetched((signal) => accessGroups.members(group, signal), group);
  const action = useAction(() => {
    fetched.reload();
    onChanged();
  });
  return (
    <div className="space-y-3">
      <Answer fetched={fetched}>
        {({ items }) => (
          <ul aria-label={`${t.members}: ${group}`} className="space-y-1">
            {items.length === 0 && <li className="text-dim">{t.noMembers}</li>}
            {items.map((one) => (
              <li key={`${one.kind} ${one.issuer} ${one.subject}`} className="flex flex-wrap items-center gap-2">
                <span className="text-dim">{t.kinds[one.kind]}</span>
                <span className="font-medium">{one.subject}</span>
                {one.issuer && <span className="text-xs text-dim">{one.issuer}</span>}
                {one.expires_at && <span className="text-xs text-dim">{t.until(moment(one.expires_at))}</span>}
                <SureButton
                  word={common.remove}
                  label={`${common.remove}: ${one.subject}`}
                  busy={action.busy}
                  onSure={() => void action.run(() => accessGroups.removeMember(group, one))}
                />
              </li>
            ))}
          </ul>
        )}
      </Answer>
      {action.problem && <ProblemNote problem={action.problem} />}
      <NewMember
        group={group}
        onAdded={() => {
          fetched.reload();
          onChanged();
        }}
      />
    </div>
  );
}

function NewMember({ group, onAdded }: { group: string; onAdded: () => void }) {
  const { accessGroups: t, admin } = useText();
  const [kind, setKind] = useState<Kind>("account");
  const [subject, setSubject] = useState("");
  const [issuer, setIssuer] = useState("");
  const action = useAction(onAdded);
  const isOfProvider = ofProvider.includes(kind);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const member = { kind, subject: subject.trim(), issuer: isOfProvider ? issuer.trim() : "" };
    if (await action.run(() => accessGroups.addMember(group, member))) setSubject("");
  };
  return (
    <form aria-label={`${t.addMember}: ${group}`} className="flex flex-wrap items-end gap-3" onSubmit={(event) => void add(event)}>
      <Select label={admin.kind} of={kinds} value={kind} words={(one) => t.kinds[one]} onChoose={setKind} />
      <Field label={t.subject} required maxLength={255} autoComplete="off" value={subject} onChange={(e) => setSubject(e.target.value)} />
      {isOfProvider && (
        <Field label={t.issuer} type="url" required maxLength={300} value={issuer} onChange={(e) => setIssuer(e.target.value)} />
      )}
      <button type="submit" className="control" disabled={action.busy}>
        {t.addMember}
      </button>
      {action.problem && <ProblemNote problem={action.problem} />}
    </form>
  );
}
