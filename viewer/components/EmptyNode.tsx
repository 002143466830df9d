"use client";

/** What to do when there is nothing to see. */
export function EmptyNode({ text }: { text: string }) {
  if (text) {
    return (
      <p className="rounded-lg border border-line bg-panel p-8 text-center text-dim" data-testid="empty">
        No study matches “{text}”.
      </p>
    );
  }
  return (
    <section
      data-testid="empty"
      className="mx-auto mt-10 max-w-2xl rounded-lg border border-line bg-panel p-8"
    >
      <h2 className="text-lg font-semibold">No studies yet</h2>
      <p className="mt-1 text-dim">Three ways to bring one in. It appears here as it arrives.</p>
      <dl className="mt-5 space-y-4">
        <Way does="Send a folder by DICOM" command="storescu +sd +r -aec MEDIVIEW localhost 11112 DIR" />
        <Way does="Make a demonstration study, without data of your own" command="mediview demo" />
        <div>
          <dt>Drop files here</dt>
          <dd className="text-dim">DICOM files, a folder of them, or a ZIP archive.</dd>
        </div>
      </dl>
    </section>
  );
}

function Way({ does, command }: { does: string; command: string }) {
  return (
    <div>
      <dt>{does}</dt>
      <dd className="mt-1">
        <code className="block overflow-x-auto rounded-md border border-line bg-ground px-3 py-2 font-mono text-[13px] select-all">
          {command}
        </code>
      </dd>
    </div>
  );
}
