import Link from "next/link";

export default function NotFound() {
  return (
    <main className="mx-auto max-w-lg p-10">
      <h1 className="text-xl font-semibold">There is no page here.</h1>
      <p className="mt-2 text-dim">
        <Link className="text-accent underline" href="/">
          Go to the study list
        </Link>
      </p>
    </main>
  );
}
