export function Paging({
  offset,
  shown,
  total,
  onNewer,
  onOlder,
}: {
  offset: number;
  shown: number;
  total: number;
  onNewer: () => void;
  onOlder: () => void;
}) {
  return (
    <nav aria-label="Pages" className="mt-3 flex items-center gap-3 text-dim">
      <span data-testid="study-count">
        {total === shown
          ? `${total} ${total === 1 ? "study" : "studies"}`
          : `${offset + 1} to ${offset + shown} of ${total} studies`}
      </span>
      {total > shown && (
        <>
          <button type="button" className="control" disabled={offset === 0} onClick={onNewer}>
            Newer
          </button>
          <button
            type="button"
            className="control"
            disabled={offset + shown >= total}
            onClick={onOlder}
          >
            Older
          </button>
        </>
      )}
    </nav>
  );
}
