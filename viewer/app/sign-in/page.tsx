import type { Metadata } from "next";
import { Suspense } from "react";
import { SignInForm } from "@/components/SignInForm";
import { Waiting } from "@/components/Waiting";

export const metadata: Metadata = { title: "Sign in" };

export default function SignInPage() {
  // Where to go afterwards is read from the address, which a static page does not have.
  return (
    <Suspense fallback={<Waiting text="Opening the sign-in" />}>
      <SignInForm />
    </Suspense>
  );
}
