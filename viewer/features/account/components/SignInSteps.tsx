"use client";

import { useState } from "react";
import { FactorSetup } from "@/features/account/components/FactorSetup";
import { PasswordForm } from "@/features/account/components/PasswordForm";
import { SecondFactorForm } from "@/features/account/components/SecondFactorForm";
import { factors } from "@/features/account/lib/ownAccess";
import { Answer } from "@/shared/components/parts";
import { ProblemNote } from "@/shared/components/ProblemNote";
import { useFetched } from "@/shared/hooks/useFetched";
import { useText } from "@/shared/hooks/useText";
import { asProblem } from "@/shared/api/http";
import type { Problem } from "@/shared/api/problem";
import { signOut, type Session } from "@/shared/api/session";

/** What is left to do after the right password; `onDone` after each of the steps. */
export function SignInSteps({ session, onDone }: { session: Session; onDone: () => void }) {
  const { entry: t } = useText();
  const [problem, setProblem] = useState<Problem | null>(null);
  const titles = { second_factor: t.secondFactor, password: t.initialPassword, enrolment: t.setUp, "": "" };
  return (
    <>
      <h1 className="text-xl font-semibold">{titles[session.step]}</h1>
      {session.step === "second_factor" && <SecondFactorForm session={session} onShown={onDone} />}
      {session.step === "password" && (
        <>
          <p>{t.initialPasswordWhat}</p>
          <PasswordForm name={session.name} takesFocus onChanged={onDone} />
        </>
      )}
      {session.step === "enrolment" && <Enrolment onDone={onDone} />}
      {problem && <ProblemNote problem={problem} />}
      <button
        type="button"
        className="self-start text-sm text-accent underline"
        onClick={() => void signOut().catch((error: unknown) => setProblem(asProblem(error)))}
      >
        {t.startAgain}
      </button>
    </>
  );
}

function Enrolment({ onDone }: { onDone: () => void }) {
  const { entry: t } = useText();
  const fetched = useFetched(factors.list);
  return (
    <>
      <p>{t.setUpWhat}</p>
      <Answer fetched={fetched}>{({ keys_work }) => <FactorSetup keysWork={keys_work} onDone={onDone} />}</Answer>
    </>
  );
}
