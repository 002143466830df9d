import type { KeyGroup } from "@/shared/components/KeyHelp";
import { text } from "@/shared/i18n";

export function listKeys(): KeyGroup[] {
  const { common, studyList: t } = text();
  return [
    {
      title: common.studies,
      keys: [
        { keys: ["↑", "↓"], does: t.keyChoose },
        { keys: ["k", "j"], does: t.keySame },
        { keys: ["Home", "End"], does: t.keyEnds },
        { keys: ["Enter"], does: t.keyOpen },
        { keys: ["→", "←"], does: t.keyPriors },
        { keys: ["/"], does: t.keySearch },
        { keys: ["Esc"], does: t.keyLeave },
        { keys: ["s"], does: t.keyMeaning },
      ],
    },
    {
      title: common.page,
      keys: [
        { keys: ["f"], does: t.keyFilter },
        { keys: ["[", "]"], does: t.keyPages },
        { keys: ["u"], does: t.keyUpload },
        { keys: ["?"], does: common.theseKeys },
      ],
    },
  ];
}
