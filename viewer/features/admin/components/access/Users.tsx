"use client";

import { type FormEvent, useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { Answer, Choices, Field, Grid } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { users } from "@/features/admin/lib/adminApi";
import { allRoles } from "@/features/admin/lib/roles";
import { dateText, moment, personName } from "@/shared/lib/format";
import type { Role, User } from "@/shared/api/types";

export function Users() {
  const { admin: t, common } = useText();
  const fetched = useFetched(users.list);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [person, setPerson] = useState("");
  const [roles, setRoles] = useState<Role[]>(["radiologist"]);
  const action = useAction(fetched.reload);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (await action.run(() => users.add({ name: name.trim(), password, roles, person_name: person.trim() }))) {
      setName("");
      setPassword("");
      setPerson("");
    }
  };
  return (
    <>
      <form
        aria-label={t.addUser}
        className="mb-4 max-w-3xl space-y-3 rounded-lg border border-line bg-panel p-4"
        onSubmit={(event) => void add(event)}
      >
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label={t.name} required maxLength={80} autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} />
          <Field
            label={t.password}
            type="password"
            required
            maxLength={1024}
            autoComplete="new-password"
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
          <Field label={t.signsAs} maxLength={64} autoComplete="off" value={person} onChange={(e) => setPerson(e.target.value)} />
        </div>
        <Choices label={t.roles} of={allRoles} words={t.roleWords} chosen={roles} onChoose={setRoles} />
        {action.problem && <ProblemNote problem={action.problem} />}
        <button type="submit" className="control" disabled={action.busy || roles.length === 0}>
          {t.addUser}
        </button>
      </form>
      <Answer fetched={fetched}>
        {({ items }) => (
          <Grid
            label={t.parts.users}
            columns={[t.name, t.roles, t.since, t.lastSignIn, common.change]}
            empty={items.length === 0 ? t.noUsers : ""}
          >
            {items.map((user) => (
              <UserRow key={user.name} user={user} onChanged={fetched.reload} />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}

function UserRow({ user, onChanged }: { user: User; onChanged: () => void }) {
  const { admin: t, common } = useText();
  const [open, setOpen] = useState(false);
  const [roles, setRoles] = useState<Role[]>(user.roles);
  const [password, setPassword] = useState("");
  const [person, setPerson] = useState(user.person_name);
  const action = useAction(onChanged);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const change = { roles, person_name: person.trim(), ...(password ? { password } : {}) };
    if (await action.run(() => users.change(user.name, change))) {
      setPassword("");
      setOpen(false);
    }
  };
  return (
    <tr data-testid="user" data-user={user.name}>
      <td className="font-medium">
        {user.name} {user.disabled && <Badge word={t.disabled} tone="warn" />}
        {user.person_name && <div className="text-xs font-normal text-dim">{personName(user.person_name)}</div>}
      </td>
      <td>{user.roles.map((one) => t.roleWords[one]).join(", ")}</td>
      <td className="whitespace-nowrap">{dateText(user.created_at)}</td>
      <td className="whitespace-nowrap">{moment(user.last_sign_in_at) || t.never}</td>
      <td>
        <div className="flex gap-1.5">
          <button type="button" className="control px-2 py-0.5" aria-expanded={open} onClick={() => setOpen(!open)}>
            {common.change}…
          </button>
          <button
            type="button"
            className="control px-2 py-0.5"
            disabled={action.busy}
            onClick={() => void action.run(() => users.change(user.name, { disabled: !user.disabled }))}
          >
            {user.disabled ? t.enable : t.disable}
          </button>
        </div>
        {open && (
          <form className="mt-2 space-y-2" onSubmit={(event) => void save(event)}>
            <Choices label={t.roles} of={allRoles} words={t.roleWords} chosen={roles} onChoose={setRoles} />
            <Field label={t.signsAs} maxLength={64} autoComplete="off" value={person} onChange={(e) => setPerson(e.target.value)} />
            <Field
              label={t.newPassword}
              type="password"
              autoComplete="new-password"
              maxLength={1024}
              value={password}
              onChange={(e) => setPassword(e.target.value)}
            />
            <button type="submit" className="control" disabled={action.busy || roles.length === 0}>
              {common.save}
            </button>
          </form>
        )}
        {action.problem && <ProblemNote problem={action.problem} />}
      </td>
    </tr>
  );
}
