"use client";

import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { type ComponentType, useEffect } from "react";
import { AllJobs } from "@/features/admin/components/studies/AllJobs";
import { AccessGroups } from "@/features/admin/components/access/AccessGroups";
import { Audit } from "@/features/admin/components/access/Audit";
import { Conflicts } from "@/features/admin/components/studies/Conflicts";
import { AdminDeliveries } from "@/features/admin/components/peers/AdminDeliveries";
import { Hanging } from "@/features/admin/components/Hanging";
import { StoredStudies } from "@/features/admin/components/studies/StoredStudies";
import { Hl7Messages } from "@/features/admin/components/peers/Hl7Messages";
import { Keys } from "@/features/admin/components/access/Keys";
import { Models } from "@/features/admin/components/models/Models";
import { NodeHealth } from "@/features/admin/components/NodeHealth";
import { Orders } from "@/features/admin/components/orders/Orders";
import { Patients } from "@/features/admin/components/patients/Patients";
import { Peers } from "@/features/admin/components/peers/Peers";
import { Priors } from "@/features/admin/components/peers/Priors";
import { ReportTemplates } from "@/features/admin/components/reportTemplates/ReportTemplates";
import { Rules } from "@/features/admin/components/rules/Rules";
import { Runs } from "@/features/admin/components/runs/Runs";
import { Users } from "@/features/admin/components/access/Users";
import { Webhooks } from "@/features/admin/components/webhooks/Webhooks";
import { PageHeader } from "@/shared/components/PageHeader";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useOwnSession } from "@/shared/hooks/useOwnSession";
import { useText } from "@/shared/hooks/useText";
import type { Session } from "@/shared/api/session";
import type { Messages } from "@/shared/i18n";

type Part = keyof Messages["admin"]["parts"];

const rooms: [Part, ComponentType][] = [
  ["node", NodeHealth],
  ["studies", StoredStudies],
  ["jobs", AllJobs],
  ["peers", Peers],
  ["deliveries", AdminDeliveries],
  ["hl7", Hl7Messages],
  ["priors", Priors],
  ["runs", Runs],
  ["orders", Orders],
  ["patients", Patients],
  ["conflicts", Conflicts],
  ["rules", Rules],
  ["hanging", Hanging],
  ["reportTemplates", ReportTemplates],
  ["models", Models],
  ["webhooks", Webhooks],
  ["users", Users],
  ["keys", Keys],
  ["accessGroups", AccessGroups],
  ["audit", Audit],
];

/** All that the node lets its administrators see and do; the part lies in the address. */
export function Admin() {
  const { admin: t, common } = useText();
  const asked = useSearchParams().get("part");
  const [part, Room] = rooms.find(([name]) => name === asked) ?? rooms[0]!;
  const session = useOwnSession();
  const { value } = session;
  useEffect(() => {
    document.title = `${t.parts[part]} · ${common.administration} · MediViewAI`;
  }, [t, part, common]);
  return (
    <div className="mx-auto flex min-h-dvh max-w-[110rem] flex-col px-5">
      <PageHeader>
        <span className="text-dim">{common.administration}</span>
      </PageHeader>
      {session.problem && <ProblemNote problem={session.problem} onRetry={session.reload} />}
      {value?.signed_in && !value.roles.includes("admin") && <NotAllowed session={value} />}
      {value?.roles.includes("admin") && (
        <div className="flex flex-1 gap-6 pb-10 max-md:flex-col">
          <nav aria-label={common.administration} className="w-44 shrink-0 max-md:w-full">
            <ul className="space-y-0.5 max-md:flex max-md:flex-wrap max-md:gap-1">
              {rooms.map(([name]) => (
                <li key={name}>
                  <Link
                    href={`/admin/?part=${name}`}
                    prefetch={false}
                    aria-current={name === part ? "page" : undefined}
                    className="block rounded-md px-3 py-1.5 text-dim hover:bg-raised hover:text-ink aria-[current]:bg-raised aria-[current]:font-medium aria-[current]:text-ink"
                  >
                    {t.parts[name]}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <main className="min-w-0 flex-1">
            <h1 className="mb-3 text-lg font-semibold">{t.parts[part]}</h1>
            <Room key={part} />
          </main>
        </div>
      )}
    </div>
  );
}

function NotAllowed({ session: { name, roles } }: { session: Session }) {
  const { admin, common, entry: t } = useText();
  const words: Record<string, string> = admin.roleWords;
  return (
    <main className="mx-auto mt-16 max-w-lg" data-testid="not-allowed">
      <h1 className="text-xl font-semibold">{t.adminsOnly}</h1>
      <p className="mt-2">{t.adminsOnlyWhy(name, roles.map((one) => words[one] ?? one).join(", "))}</p>
      <p className="mt-1 text-dim">{t.adminsOnlyRemedy}</p>
      <Link href="/" prefetch={false} className="control mt-4 inline-block">
        {common.studies}
      </Link>
    </main>
  );
}
