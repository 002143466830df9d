"use client";

import { useState } from "react";
import { useText } from "@/shared/hooks/useText";

/** Takes a text along. Only a secure page may write to the clipboard; elsewhere one selects it by hand. */
export function CopyButton({ text, testId, disabled = false }: { text: string | (() => string); testId?: string; disabled?: boolean }) {
  const { common } = useText();
  const [copied, setCopied] = useState(false);
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (!clipboard) return null;
  return (
    <button
      type="button"
      className="control"
      data-testid={testId}
      disabled={disabled}
      onClick={() => void clipboard.writeText(typeof text === "string" ? text : text()).then(() => setCopied(true), () => setCopied(false))}
    >
      {copied ? common.copied : common.copy}
    </button>
  );
}
