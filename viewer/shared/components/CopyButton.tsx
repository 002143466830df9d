"use client";

import { useState } from "react";
import { useText } from "@/shared/hooks/useText";

/** Takes a text along. Only a secure page may write to the clipboard; elsewhere one selects it by hand. */
export function CopyButton({ text }: { text: string }) {
  const { common } = useText();
  const [copied, setCopied] = useState(false);
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (!clipboard) return null;
  return (
    <button
      type="button"
      className="control"
      onClick={() => void clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false))}
    >
      {copied ? common.copied : common.copy}
    </button>
  );
}
