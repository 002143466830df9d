import type { Metadata } from "next";
import { Suspense } from "react";
import { SearchPage } from "@/features/search/components/SearchPage";

export const metadata: Metadata = { title: "Search" };

export default function Page() {
  // What is looked for is read from the address, which a static page does not have.
  return (
    <Suspense>
      <SearchPage />
    </Suspense>
  );
}
