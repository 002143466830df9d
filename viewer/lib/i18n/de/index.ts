import type { Messages } from "@/lib/i18n";
import { admin } from "./admin";
import { common, states } from "./common";
import { reader } from "./reader";
import { report } from "./report";
import { worklist } from "./worklist";

export const de: Messages = { admin, common, reader, report, states, worklist };
