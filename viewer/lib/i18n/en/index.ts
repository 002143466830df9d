import { admin } from "./admin";
import { common, states } from "./common";
import { worklist } from "./worklist";

export const en = { admin, common, states, worklist };
