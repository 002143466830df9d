import { useText } from "@/shared/hooks/useText";
import type { ContentItem } from "@/features/reader/lib/contentTree";

/** Longer lists, such as that of all images, would hide what was found. */
const mostUnfolded = 20;

/** A structured report as nested headings and values. */
export function ContentTree({
  items,
  level = 0,
  onShowImage,
}: {
  items: readonly ContentItem[];
  level?: number;
  onShowImage: (sopInstanceUid: string, frameNumber: number) => void;
}) {
  const { viewing: t } = useText();
  return (
    <ul className={level > 0 ? "mt-0.5 border-l border-line pl-3" : "space-y-2"}>
      {items.map(({ name, value, image, children }, place) => (
        <li key={`${place}${name}`} className="py-0.5">
          <span className={value || image ? "text-dim" : "font-medium"}>{name}</span>
          {value && <span className="ml-2 whitespace-pre-wrap">{value}</span>}
          {image && (
            <button
              type="button"
              className="control ml-2 px-2 py-0 text-xs"
              onClick={() => onShowImage(image.sopInstanceUid, image.frameNumber)}
            >
              {t.goTo}
            </button>
          )}
          {children.length > mostUnfolded ? (
            <details>
              <summary className="rounded text-dim">{children.length}</summary>
              <ContentTree items={children} level={level + 1} onShowImage={onShowImage} />
            </details>
          ) : (
            children.length > 0 && <ContentTree items={children} level={level + 1} onShowImage={onShowImage} />
          )}
        </li>
      ))}
    </ul>
  );
}
