"use client";

import { useEffect, useState } from "react";
import { Scene, type SceneListener, type ShownViewport } from "@/cornerstone";
import { ViewStore } from "@/features/reader/lib/layout/viewStore";

export interface SceneState {
  scene: Scene | null;
  views: ViewStore;
  failure: string;
}

/** A Cornerstone scene for as long as the component is there, and what it tells. */
export function useScene(asked: readonly ShownViewport[]): SceneState {
  const [scene, setScene] = useState<Scene | null>(null);
  const [views] = useState(() => new ViewStore());
  const [failure, setFailure] = useState("");

  useEffect(() => {
    let opened: Scene | null = null;
    let gone = false;
    const listener: SceneListener = {
      onView: (info) => views.update(info.viewId, { info, imageRendered: true }),
      onLoading: (viewId, loaded, total) =>
        views.update(viewId, { loading: loaded < total ? { loaded, total } : null }),
      onMaskDrawn: (viewId) => views.update(viewId, { maskLoaded: true }),
      onUndrawable: (viewId, undrawable) => views.update(viewId, { undrawable }),
      onBeyond: (viewId, beyondMm) => views.update(viewId, { beyondMm }),
      onCursor: (viewId, cursor) => views.update(viewId, { cursor }),
      onError: (error) => setFailure(error.message),
    };
    Scene.open(listener, asked).then(
      (next) => {
        if (gone) {
          next.end();
          return;
        }
        opened = next;
        setScene(next);
      },
      (error: unknown) => setFailure(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
      opened?.end();
    };
  }, [views, asked]);

  return { scene, views, failure };
}
