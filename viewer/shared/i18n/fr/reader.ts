import type { Messages } from "@/shared/i18n/messages";

/** A count of none, which must not be read as a finding of none. */
export const reader: Pick<Messages["reader"], "noneFound" | "noneFoundWhat" | "noneFoundSentence"> = {
  noneFound: "rien de marqué",
  noneFoundWhat: "Le logiciel n’a rien marqué, ce qui ne signifie pas qu’il n’y a rien.",
  noneFoundSentence: (label) => `Le logiciel n’a rien marqué (« ${label} » : 0), ce qui ne signifie pas qu’il n’y a rien.`,
};
