import { accessGroups } from "./accessGroups";
import { account } from "./account";
import { admin } from "./admin";
import { common, states } from "./common";
import { entry } from "./entry";
import { hangingProtocols } from "./hangingProtocols";
import { jobs } from "./jobs";
import { orders } from "./orders";
import { reader } from "./reader";
import { reasons } from "./reasons";
import { refusals } from "./refusals";
import { report } from "./report";
import { search } from "./search";
import { siteRules } from "./siteRules";
import { storedStudies } from "./storedStudies";
import { studyList } from "./studyList";
import { text } from "./text";
import { viewing } from "./viewing";
import { webhooks } from "./webhooks";

export const en = {
  accessGroups,
  account,
  admin,
  common,
  entry,
  hangingProtocols,
  jobs,
  orders,
  reader,
  reasons,
  refusals,
  report,
  search,
  siteRules,
  states,
  storedStudies,
  studyList,
  text,
  viewing,
  webhooks,
};
