import { common, states } from "./common";
import { worklist } from "./worklist";

export const en = { common, states, worklist };
