"use client";

import { type FormEvent, useState } from "react";
import { AccessMembers } from "@/features/admin/components/access/AccessMembers";
import { AccessPolicy } from "@/features/admin/components/access/AccessPolicy";
import { Answer, Field, Grid, SureButton, fieldClass } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { accessGroups, accessPolicy, ruleFrom } from "@/features/admin/lib/accessGroupsApi";
import type { AccessGroup } from "@/shared/api/types";

/** Groups with their rules and members, and whether they decide who sees what. */
export function AccessGroups() {
  const { accessGroups: t, admin, common } = useText();
  const policy = useFetched(accessPolicy.get);
  const groups = useFetched(accessGroups.list);
  const reload = () => {
    policy.reload();
    groups.reload();
  };
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.what}</p>
      <Answer fetched={policy}>{(status) => <AccessPolicy status={status} onChanged={reload} />}</Answer>
      <NewGroup onAdded={reload} />
      <Answer fetched={groups}>
        {({ items }) => (
          <Grid
            label={admin.parts.accessGroups}
            columns={[admin.name, t.rule, t.members, t.studies, common.actions]}
            empty=""
          >
            {items.map((group) => (
              <GroupRows key={group.name} group={group} onChanged={reload} />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}

function NewGroup({ onAdded }: { onAdded: () => void }) {
  const { accessGroups: t, admin, common } = useText();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [rule, setRule] = useState("");
  const action = useAction(onAdded);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const taken = await action.run(async () =>
      accessGroups.add({ name: name.trim(), description: description.trim(), rule: ruleFrom(rule) }),
    );
    if (!taken) return;
    setName("");
    setDescription("");
    setRule("");
  };
  return (
    <form
      aria-label={t.addGroup}
      className="mb-4 max-w-3xl space-y-3 rounded-lg border border-line bg-panel p-4"
      onSubmit={(event) => void add(event)}
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label={admin.name} required maxLength={80} autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} />
        <Field label={common.description} maxLength={500} value={description} onChange={(e) => setDescription(e.target.value)} />
      </div>
      <label className="block text-xs text-dim">
        {t.ruleJson}
        <textarea className={`${fieldClass} font-mono`} rows={2} value={rule} onChange={(e) => setRule(e.target.value)} />
      </label>
      {action.problem && <ProblemNote problem={action.problem} />}
      <button type="submit" className="control" disabled={action.busy}>
        {t.addGroup}
      </button>
    </form>
  );
}

function GroupRows({ group, onChanged }: { group: AccessGroup; onChanged: () => void }) {
  const { accessGroups: t, common } = useText();
  const [open, setOpen] = useState(false);
  const action = useAction(onChanged);
  return (
    <>
      <tr data-testid="access-group" data-group={group.name}>
        <td className="font-medium">
          {group.name}
          {group.description && <div className="text-xs font-normal text-dim">{group.description}</div>}
        </td>
        <td className="max-w-96 font-mono text-xs break-words">
          {group.rule ? JSON.stringify(group.rule) : !group.is_built_in && t.noRule}
        </td>
        <td>{group.name === "everyone" ? t.all : group.member_count}</td>
        <td>{group.study_count}</td>
        <td>
          {!group.is_built_in && (
            <div className="flex gap-1.5">
              <button
                type="button"
                className="control px-2 py-0.5"
                aria-label={`${t.members}: ${group.name}`}
                aria-expanded={open}
                onClick={() => setOpen(!open)}
              >
                {t.members}…
              </button>
              <SureButton
                word={common.remove}
                label={`${common.remove}: ${group.name}`}
                busy={action.busy}
                onSure={() => void action.run(() => accessGroups.remove(group.name))}
              />
            </div>
          )}
          {action.problem && <ProblemNote problem={action.problem} />}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={5}>
            <AccessMembers group={group.name} onChanged={onChanged} />
          </td>
        </tr>
      )}
    </>
  );
}
