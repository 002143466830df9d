import { Icon, type IconName } from "@/features/reader/components/tools/icons";
import { useShownKey } from "@/features/reader/hooks/tools/useOwnKeys";

/** A button of the toolbar: a picture, named for who hears it, with its key for who points at it. */
export function ToolButton({
  icon,
  name,
  hint,
  shortcut,
  pressed,
  disabled = false,
  testId,
  withName = false,
  onClick,
}: {
  icon: IconName;
  name: string;
  /** What it does, where its name does not say so. */
  hint?: string;
  shortcut?: string;
  /** Undefined for what is done at once. */
  pressed?: boolean;
  disabled?: boolean;
  testId?: string;
  /** Its name beside the picture: in a menu, where there is room for it. */
  withName?: boolean;
  onClick: () => void;
}) {
  const shown = useShownKey();
  const words = hint || name;
  return (
    <button
      type="button"
      aria-pressed={pressed}
      aria-label={name}
      title={shortcut ? `${words} (${shown(shortcut)})` : words}
      data-testid={testId}
      disabled={disabled}
      className="control inline-flex items-center gap-2 px-1.5 aria-pressed:border-accent aria-pressed:text-accent"
      onClick={onClick}
    >
      <Icon name={icon} />
      {withName && <span aria-hidden="true" className="text-xs whitespace-nowrap">{name}</span>}
    </button>
  );
}
