import Link from "next/link";

export function Brand() {
  return (
    <Link href="/" prefetch={false} className="flex items-center gap-2 font-semibold whitespace-nowrap">
      <svg viewBox="0 0 32 32" className="size-6" aria-hidden="true">
        <circle cx="16" cy="16" r="9" fill="none" stroke="var(--color-accent)" strokeWidth="2.5" />
        <path
          d="M16 4v6M16 22v6M4 16h6M22 16h6"
          stroke="var(--color-accent)"
          strokeWidth="2.5"
          strokeLinecap="round"
        />
        <circle cx="16" cy="16" r="3.4" fill="var(--color-warn)" />
      </svg>
      MediViewAI
    </Link>
  );
}
