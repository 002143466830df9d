import { useText } from "@/shared/hooks/useText";

/** What has to be seen of closed results: that they are for research, and that something in them is critical. */
export function ClosedResults({ hasAlerts, onOpen }: { hasAlerts: boolean; onOpen: () => void }) {
  const { reader: t } = useText();
  return (
    <>
      {hasAlerts && (
        <button type="button" data-testid="closed-alerts" aria-label={t.alerts} title={t.alerts} className="grid size-7 place-items-center rounded-full bg-bad font-bold text-ground" onClick={onOpen}>
          <span aria-hidden="true">!</span>
        </button>
      )}
      <p className="text-xs font-medium text-warn [writing-mode:vertical-rl]">{t.notice}</p>
    </>
  );
}
