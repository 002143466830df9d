import type { Messages } from "@/lib/i18n";
import { admin } from "./admin";
import { common, states } from "./common";
import { entry } from "./entry";
import { reader } from "./reader";
import { refusals } from "./refusals";
import { report } from "./report";
import { search } from "./search";
import { viewing } from "./viewing";
import { worklist } from "./worklist";

export const de: Messages = {
  admin,
  common,
  entry,
  reader,
  refusals,
  report,
  search,
  states,
  viewing,
  worklist,
};
