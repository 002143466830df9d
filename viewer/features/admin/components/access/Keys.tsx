"use client";

import { type FormEvent, useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { Answer, Choices, Field, Grid, SureButton } from "@/shared/components/parts";
import { Secret } from "@/features/admin/components/access/Secret";
import { allRoles } from "@/features/admin/lib/roles";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { keys } from "@/features/admin/lib/adminApi";
import { dateText, moment } from "@/shared/lib/format";
import type { Key, MadeKey, Role } from "@/shared/api/types";

type Scope = Key["scopes"][number];

const scopes: readonly Scope[] = [
  "dicomweb:read",
  "dicomweb:write",
  "api:read",
  "api:write",
  "fhir:read",
  "fhir:write",
  "fhircast:read",
  "fhircast:write",
  "metrics:read",
  "admin",
];

/** Keys of programs. A secret is shown once, when it is made. */
export function Keys() {
  const { admin: t } = useText();
  const fetched = useFetched(keys.list);
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<Role[]>(["integrator"]);
  const [chosen, setChosen] = useState<Scope[]>([]);
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<MadeKey | null>(null);
  const action = useAction(fetched.reload);
  const make = async (event: FormEvent) => {
    event.preventDefault();
    const taken = await action.run(async () => {
      const expires_in_days = days.trim() ? Number(days) : null;
      setMade(await keys.make({ name: name.trim(), roles, scopes: chosen.length > 0 ? chosen : null, expires_in_days }));
    });
    if (taken) setName("");
  };
  return (
    <>
      {made && <Secret of={made.key.name} value={made.secret} onClose={() => setMade(null)} />}
      <form
        aria-label={t.makeKey}
        className="mb-4 max-w-3xl space-y-3 rounded-lg border border-line bg-panel p-4"
        onSubmit={(event) => void make(event)}
      >
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label={t.name} required maxLength={80} autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} />
          <Field label={t.days} type="number" min={1} max={3650} value={days} onChange={(e) => setDays(e.target.value)} />
        </div>
        <Choices label={t.roles} of={allRoles} words={t.roleWords} chosen={roles} onChoose={setRoles} />
        <Choices label={t.scopes} of={scopes} chosen={chosen} onChoose={setChosen} />
        {action.problem && <ProblemNote problem={action.problem} />}
        <button type="submit" className="control" disabled={action.busy || roles.length === 0}>
          {t.makeKey}
        </button>
      </form>
      <Answer fetched={fetched}>
        {({ items }) => (
          <Grid
            label={t.parts.keys}
            columns={[t.name, t.roles, t.scopes, t.expires, t.lastUsed, ""]}
            empty={items.length === 0 ? t.noKeys : ""}
          >
            {items.map((key) => (
              <KeyRow key={key.key_id} one={key} onChanged={fetched.reload} />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}

function KeyRow({ one, onChanged }: { one: Key; onChanged: () => void }) {
  const { admin: t } = useText();
  const action = useAction(onChanged);
  return (
    <tr data-testid="key" data-key={one.name}>
      <td className="font-medium">
        {one.name}
        <div className="text-xs font-normal text-dim">{t.madeBy(one.created_by, dateText(one.created_at))}</div>
      </td>
      <td className="text-xs">{one.roles.map((role) => t.roleWords[role]).join(", ")}</td>
      <td className="max-w-60 text-xs">{one.scopes.join(", ")}</td>
      <td className="whitespace-nowrap">{dateText(one.expires_at) || t.never}</td>
      <td className="whitespace-nowrap">{moment(one.last_used_at) || t.never}</td>
      <td>
        {one.revoked_at ? (
          <Badge word={t.revoked} tone="quiet" />
        ) : (
          <SureButton
            word={t.revoke}
            label={`${t.revoke}: ${one.name}`}
            busy={action.busy}
            onSure={() => void action.run(() => keys.revoke(one.key_id))}
          />
        )}
        {action.problem && <ProblemNote problem={action.problem} />}
      </td>
    </tr>
  );
}
