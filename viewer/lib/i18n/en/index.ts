import { admin } from "./admin";
import { common, states } from "./common";
import { reader } from "./reader";
import { report } from "./report";
import { worklist } from "./worklist";

export const en = { admin, common, reader, report, states, worklist };
