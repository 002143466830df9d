import { accessGroups } from "./administration/accessGroups";
import { account } from "./account";
import { admin } from "./administration/admin";
import { common, states } from "./common";
import { entry } from "./entry";
import { fhircast } from "./fhircast";
import { findingNames } from "./findingNames";
import { hangingProtocols } from "./administration/hangingProtocols";
import { jobs } from "./jobs";
import { modelCards } from "./administration/modelCards";
import { orders } from "./administration/orders";
import { patientChanges } from "./administration/patientChanges";
import { problems } from "./problems";
import { reader } from "./reader";
import { reasons } from "./reasons";
import { refusals } from "./refusals";
import { report } from "./report";
import { reportTemplates } from "./administration/reportTemplates";
import { runs } from "./administration/runs";
import { search } from "./search";
import { siteRules } from "./administration/siteRules";
import { storedStudies } from "./administration/storedStudies";
import { studyList } from "./studyList";
import { text } from "./text";
import { viewing } from "./reading/viewing";
import { webhooks } from "./administration/webhooks";

export const en = {
  accessGroups,
  account,
  admin,
  common,
  entry,
  fhircast,
  findingNames,
  hangingProtocols,
  jobs,
  modelCards,
  orders,
  patientChanges,
  problems,
  reader,
  reasons,
  refusals,
  report,
  reportTemplates,
  runs,
  search,
  siteRules,
  states,
  storedStudies,
  studyList,
  text,
  viewing,
  webhooks,
};
