import type { Metadata, Viewport } from "next";
import { type ReactNode, Suspense } from "react";
import { FhircastNotice } from "@/features/fhircast/components/FhircastNotice";
import { ConfirmDialog } from "@/shared/components/ConfirmDialog";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Studies · MediViewAI", template: "%s · MediViewAI" },
  description: "The imaging node beside the PACS.",
  referrer: "no-referrer",
};

export const viewport: Viewport = { themeColor: "#0a0d12", colorScheme: "dark light" };

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" data-theme="dark">
      <body>
        {children}
        <ConfirmDialog />
        <Suspense>
          <FhircastNotice />
        </Suspense>
      </body>
    </html>
  );
}
