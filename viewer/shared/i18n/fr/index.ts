import type { Some } from "@/shared/i18n/fallback";
import type { Messages } from "@/shared/i18n/messages";
import { common, states } from "./common";
import { curved } from "./curved";
import { entry } from "./entry";
import { findingNames } from "./findingNames";
import { hangingProtocols } from "./hangingProtocols";
import { report } from "./report";
import { search } from "./search";
import { stages } from "./stages";
import { studyList } from "./studyList";

/** Sign-in, study list, search, report, names of findings and what jobs are doing; what is missing here is shown in English. */
export const fr: Some<Messages> = { common, entry, findingNames, hangingProtocols, reasons: { stages }, report, search, states, studyList, viewing: { curved } };
