export function Waiting({ text }: { text: string }) {
  return (
    <div className="grid h-full min-h-40 place-items-center p-6 text-dim" role="status">
      <span>{text}…</span>
    </div>
  );
}
