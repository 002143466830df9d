import type { Some } from "@/shared/i18n/fallback";
import type { Messages } from "@/shared/i18n/messages";
import { common, states } from "./common";
import { curved } from "./curved";
import { entry } from "./entry";
import { findingNames } from "./findingNames";
import { hangingProtocols } from "./hangingProtocols";
import { reader } from "./reader";
import { report } from "./report";
import { search } from "./search";
import { stages } from "./stages";
import { studyList } from "./studyList";

/** Sign-in, study list, search, report, names of findings, a count of none and what jobs are doing; what is missing here is shown in English. */
export const fr: Some<Messages> = { common, entry, findingNames, hangingProtocols, reader, reasons: { stages }, report, search, states, studyList, viewing: { curved } };
