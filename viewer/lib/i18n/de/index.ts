import type { Messages } from "@/lib/i18n";
import { admin } from "./admin";
import { common, states } from "./common";
import { worklist } from "./worklist";

export const de: Messages = { admin, common, states, worklist };
