"use client";

import { useState } from "react";
import { Badge } from "@/shared/components/Badge";
import { Answer, Grid, SureButton } from "@/shared/components/parts";
import { kindTitle, PeerForm } from "@/features/admin/components/peers/PeerForm";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useAction } from "@/shared/hooks/useAction";
import { useText } from "@/shared/hooks/useText";
import { peers } from "@/features/admin/lib/adminApi";
import type { DestinationKinds, Peer } from "@/shared/api/types";

const noKinds: DestinationKinds = { items: [], object_kinds: [] };

export function Peers() {
  const { admin: t, common } = useText();
  const fetched = useFetched(peers.list);
  const known = useFetched(peers.kinds);
  const kinds = known.value ?? noKinds;
  const [edited, setEdited] = useState<Peer | "new" | null>(null);
  return (
    <>
      <p className="mb-3 max-w-3xl text-dim">{t.peersWhat}</p>
      <div className="mb-3">
        <button type="button" className="control" onClick={() => setEdited("new")}>
          {t.addPeer}
        </button>
      </div>
      {edited && (
        <PeerForm
          key={edited === "new" ? "" : edited.name}
          peer={edited === "new" ? null : edited}
          kinds={kinds}
          onDone={() => {
            setEdited(null);
            fetched.reload();
          }}
          onCancel={() => setEdited(null)}
        />
      )}
      <Answer fetched={fetched}>
        {({ items }) => (
          <Grid
            label={t.parts.peers}
            columns={[t.name, t.kind, t.address, t.may, t.destination, ""]}
            empty={items.length === 0 ? t.noPeers : ""}
          >
            {items.map((peer) => (
              <PeerRow
                key={peer.name}
                peer={peer}
                kind={kindTitle(peer.kind, kinds, t.kinds)}
                change={common.change}
                onEdit={() => setEdited(peer)}
                onGone={fetched.reload}
              />
            ))}
          </Grid>
        )}
      </Answer>
    </>
  );
}

function PeerRow({
  peer,
  kind,
  change,
  onEdit,
  onGone,
}: {
  peer: Peer;
  kind: string;
  change: string;
  onEdit: () => void;
  onGone: () => void;
}) {
  const { admin: t, common } = useText();
  const [outcome, setOutcome] = useState<{ ok: boolean; sentence: string } | null>(null);
  const test = useAction(() => undefined);
  const removal = useAction(onGone);
  return (
    <tr data-testid="peer" data-peer={peer.name}>
      <td className="font-medium">
        {peer.name}
        {peer.origin === "settings" && <div className="text-xs font-normal text-dim">{t.fromSettings}</div>}
      </td>
      <td>
        {kind}
        {peer.tls && <div className="text-xs text-dim">TLS</div>}
      </td>
      <td className="font-mono text-[0.8125rem] break-all">{peer.address}</td>
      <td className="text-xs">{(peer.may ?? []).map((one) => t.actions[one]).join(", ")}</td>
      <td className="text-xs">
        {peer.is_destination ? (peer.object_kinds ?? []).join(", ") || t.allKinds : common.no}
      </td>
      <td>
        <div className="flex flex-wrap gap-1.5">
          <button
            type="button"
            className="control px-2 py-0.5"
            aria-label={t.testOf(peer.name)}
            disabled={test.busy}
            onClick={() =>
              void test.run(async () => {
                setOutcome(null);
                setOutcome(await peers.test(peer.name));
              })
            }
          >
            {test.busy ? t.testing : t.test}
          </button>
          {peer.origin === "table" && (
            <>
              <button
                type="button"
                className="control px-2 py-0.5"
                aria-label={`${change}: ${peer.name}`}
                onClick={onEdit}
              >
                {change}
              </button>
              <SureButton
                word={common.remove}
                label={`${common.remove}: ${peer.name}`}
                busy={removal.busy}
                onSure={() => void removal.run(() => peers.remove(peer.name))}
              />
            </>
          )}
        </div>
        <div role="status" data-testid="peer-test" className="mt-1 max-w-96">
          {outcome && (
            <span lang="en">
              <Badge word={outcome.ok ? t.reached : t.notReached} tone={outcome.ok ? "good" : "bad"} />{" "}
              {outcome.sentence}
            </span>
          )}
        </div>
        {(test.problem ?? removal.problem) && <ProblemNote problem={(test.problem ?? removal.problem)!} />}
      </td>
    </tr>
  );
}
