import type { Metadata } from "next";
import { TextPage } from "@/components/text/TextPage";

export const metadata: Metadata = { title: "Texts" };

export default function Page() {
  return <TextPage />;
}
