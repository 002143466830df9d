import type { Metadata } from "next";
import { Suspense } from "react";
import { Admin } from "@/features/admin/components/Admin";
import { Opening } from "@/shared/components/Opening";

export const metadata: Metadata = { title: "Administration" };

export default function AdminPage() {
  // Which part is shown is read from the address, which a static page does not have.
  return (
    <Suspense fallback={<Opening />}>
      <Admin />
    </Suspense>
  );
}
