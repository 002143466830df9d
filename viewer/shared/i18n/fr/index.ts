import type { Some } from "@/shared/i18n/fallback";
import type { Messages } from "@/shared/i18n/messages";
import { common, states } from "./common";
import { entry } from "./entry";
import { report } from "./report";
import { search } from "./search";
import { studyList } from "./studyList";

/** Sign-in, study list, search and report; what is missing here is shown in English. */
export const fr: Some<Messages> = { common, entry, report, search, states, studyList };
