import type { Metadata } from "next";
import { TextPage } from "@/features/language/components/TextPage";

export const metadata: Metadata = { title: "Texts" };

export default function Page() {
  return <TextPage />;
}
