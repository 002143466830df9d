import type { Messages } from "@/lib/i18n";
import { common, states } from "./common";
import { worklist } from "./worklist";

export const de: Messages = { common, states, worklist };
