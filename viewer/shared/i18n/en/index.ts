import { accessGroups } from "./accessGroups";
import { account } from "./account";
import { admin } from "./admin";
import { common, states } from "./common";
import { entry } from "./entry";
import { reader } from "./reader";
import { refusals } from "./refusals";
import { report } from "./report";
import { search } from "./search";
import { studyList } from "./studyList";
import { text } from "./text";
import { upkeep } from "./upkeep";
import { viewing } from "./viewing";

export const en = {
  accessGroups,
  account,
  admin,
  common,
  entry,
  reader,
  refusals,
  report,
  search,
  states,
  studyList,
  text,
  upkeep,
  viewing,
};
