"use client";

import { useEffect, useRef } from "react";
import type { Scene } from "@/cornerstone";
import { HeldKey } from "@/shared/lib/keys/heldKey";

/** Hides what lies over the images while the key that hides it is held. Returns what its key does when it goes down. */
export function usePeek(scene: Scene | null, veilContours: (veiled: boolean) => void, toggle: () => void): (event: KeyboardEvent) => void {
  const held = useRef(new HeldKey());
  const veil = (veiled: boolean) => {
    scene?.masks.setVeiled(veiled);
    veilContours(veiled);
  };
  const latest = useRef({ veil, toggle });
  useEffect(() => {
    latest.current = { veil, toggle };
  });
  useEffect(() => {
    const onUp = (event: KeyboardEvent) => {
      const ended = held.current.up(event.code, event.timeStamp);
      if (ended === "tapped") latest.current.toggle();
      if (ended) latest.current.veil(false);
    };
    const onBlur = () => held.current.lost() && latest.current.veil(false);
    window.addEventListener("keyup", onUp);
    window.addEventListener("blur", onBlur);
    return () => {
      window.removeEventListener("keyup", onUp);
      window.removeEventListener("blur", onBlur);
    };
  }, []);
  return (event) => {
    if (held.current.down(event.code, event.timeStamp)) veil(true);
  };
}
