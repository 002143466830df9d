import type { Metadata } from "next";
import { Suspense } from "react";
import { Admin } from "@/components/admin/Admin";
import { Opening } from "@/components/Opening";

export const metadata: Metadata = { title: "Administration" };

export default function AdminPage() {
  // Which part is shown is read from the address, which a static page does not have.
  return (
    <Suspense fallback={<Opening />}>
      <Admin />
    </Suspense>
  );
}
