import type { Metadata } from "next";
import { Suspense } from "react";
import { SignInForm } from "@/features/account/components/SignInForm";
import { Opening } from "@/shared/components/Opening";

export const metadata: Metadata = { title: "Sign in" };

export default function SignInPage() {
  // Where to go afterwards is read from the address, which a static page does not have.
  return (
    <Suspense fallback={<Opening />}>
      <SignInForm />
    </Suspense>
  );
}
