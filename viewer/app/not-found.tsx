"use client";

import Link from "next/link";
import { useText } from "@/shared/hooks/useText";

export default function NotFound() {
  const { entry: t } = useText();
  return (
    <main className="mx-auto max-w-lg p-10">
      <h1 className="text-xl font-semibold">{t.noPage}</h1>
      <p className="mt-2 text-dim">
        <Link className="text-accent underline" href="/">
          {t.toList}
        </Link>
      </p>
    </main>
  );
}
