/**
 * What the node's REST API answers, by the names that the viewer uses. The shapes themselves are
 * generated from the node's OpenAPI description when the viewer is built (scripts/viewer.sh generate).
 */
import type { components } from "@/shared/api/generated/schema";

type Schemas = components["schemas"];

export type StudySummary = Schemas["StudySummary"];
export type StudyDetail = Schemas["StudyDetail"];
export type StudyState = StudySummary["state"];
export type Urgency = StudySummary["urgency"];
export type SeriesSummary = Schemas["SeriesSummary"];
export type Decision = Schemas["DecisionPayload"];
export type Refusal = Schemas["RefusalPayload"];
export type ReasonPart = Schemas["ReasonPartPayload"];
export type ReasonCode = ReasonPart["code"];
export type EndPart = Schemas["EndPartPayload"];
export type EndCode = EndPart["code"];

/** For people: failed, cancelled and superseded are three different things (as a UPS all are CANCELED). */
export type Job = Schemas["JobPayload"];
export type JobState = Job["state"];
export type NewJob = Schemas["NewJob"];
export type JobResult = Schemas["ResultInstance"];

export type InteractiveModels = Schemas["InteractiveModelList"];
export type InteractiveModel = Schemas["InteractiveModelPayload"];
export type InteractiveSession = Schemas["InteractiveSessionPayload"];

export type SharedView = Schemas["SharedViewPayload"];
export type SharedViewSummary = Schemas["SharedViewSummary"];
export type NewSharedView = Schemas["NewSharedView"];

export type DrawnStructure = Schemas["StructurePayload"];
export type DrawnSegmentation = Schemas["SegmentationPayload"];
export type NewSegmentation = Schemas["NewSegmentation"];

export type Finding = Schemas["FindingPayload"];
export type CaveatPart = Schemas["CaveatPayload"];
export type CaveatKind = CaveatPart["kind"];
export type Trend = Schemas["Trend"];
export type Lesion = Schemas["LesionPayload"];
export type LesionCourse = Schemas["LesionCourse"];
export type LesionMatch = Schemas["MatchPayload"];
export type NewMatch = Schemas["NewMatch"];
export type Feedback = Schemas["FeedbackPayload"];
export type NewFeedback = Schemas["NewFeedback"];
export type Code = Schemas["CodePayload"];
export type SegmentReference = Schemas["SegmentRefPayload"];

export type Delivery = Schemas["DeliveryPayload"];
export type Route = Schemas["RoutePayload"];
export type Receiver = Schemas["Receiver"];
export type Elsewhere = Schemas["ElsewherePayload"];
export type ElsewhereStudy = Schemas["ElsewhereStudy"];
export type Prior = Schemas["PriorFetchPayload"];
export type PriorSearch = Schemas["PriorSearchPayload"];
export type DeliveryState = Delivery["state"];

export type Report = Schemas["ReportPayload"];
export type ReportSection = Schemas["ReportSectionPayload"];
export type ReportSentence = Schemas["ReportSentencePayload"];
export type ReportPages = Schemas["ReportPages"];
export type ReportState = Report["state"];
export type ReportVersion = Schemas["ReportVersionPayload"];
export type ReportDiff = Schemas["ReportDiff"];
export type SentSection = Schemas["SentSection"];

/** What one pipeline and the site's rules say of one series. */
export type Explanation = Schemas["ExplanationPayload"];
export type Condition = Schemas["TracePayload"];

export type Alert = Schemas["AlertPayload"];
export type Answer = Schemas["AnswerPayload"];
export type AnswerStarted = Schemas["AnswerStarted"];
export type AnswerPassage = Schemas["AnswerPassage"];
export type SearchHit = Schemas["SearchHit"];
export type SearchResult = Schemas["SearchResult"];
export type SimilarReport = Schemas["SimilarReport"];

export type Preferences = Schemas["PreferencesPayload"];
export type SavedView = Schemas["SavedView"];
export type Phrase = Schemas["Phrase"];

export type Pipeline = Schemas["PipelinePayload"];
export type Model = Schemas["ModelPayload"];
export type ModelAgreement = Schemas["AgreementPayload"];
export type Shift = Schemas["ShiftPayload"];
export type ModelDetail = Schemas["ModelDetail"];
export type ModelList = Schemas["ModelList"];
export type CardText = Schemas["CardTextPayload"];
export type CardCheck = Schemas["CardCheckPayload"];
export type ModelTrial = Schemas["ModelTrialPayload"];
export type ModelTrialDetail = Schemas["ModelTrialDetail"];

export type DestinationKinds = Schemas["KindList"];
export type Peer = Schemas["PeerPayload"];
export type PeerChange = Schemas["PeerChange"];
export type NewPeer = Schemas["NewPeer"];
export type PatientChange = Schemas["PatientChangePayload"];
export type PatientLink = Schemas["PatientLink"];
export type PatientLookup = Schemas["PatientLookup"];
export type FoundPatient = Schemas["FoundPatientPayload"];
export type ChangedStudies = Schemas["ChangedStudies"];
export type Conflict = Schemas["ConflictPayload"];
export type ConflictDecisions = Schemas["ConflictDecisions"];
export type ConflictDetail = Schemas["ConflictDetail"];
export type RuleSet = Schemas["RuleSet"];
export type RoutingRule = Schemas["RoutingRule"];
export type SiteRule = Schemas["Rule"];
export type RuleCondition = Schemas["Condition"];
export type User = Schemas["UserPayload"];
export type OwnFactors = Schemas["OwnFactors"];
export type SecondFactor = Schemas["FactorPayload"];
export type NewTotp = Schemas["NewTotp"];
export type OwnSession = Schemas["OwnSession"];
export type Role = User["roles"][number];
export type NewUser = Schemas["NewUser"];
export type UserChange = Schemas["UserChange"];
export type Key = Schemas["KeyPayload"];
export type NewKey = Schemas["NewKey"];
export type MadeKey = Schemas["MadeKey"];
export type AccessGroup = Schemas["AccessGroupPayload"];
export type NewAccessGroup = Schemas["NewAccessGroup"];
export type AccessMember = Schemas["MemberPayload"];
export type NewAccessMember = Schemas["NewMember"];
export type AccessPolicy = Schemas["AccessPolicy"];
export type AccessPolicyStatus = Schemas["AccessPolicyStatus"];
export type AuditEvent = Schemas["AuditEventPayload"];
export type AuditVerification = Schemas["AuditVerification"];
export type Webhook = Schemas["WebhookPayload"];
export type NewWebhook = Schemas["NewWebhook"];
export type WebhookChange = Schemas["WebhookChange"];
export type WebhookNotice = Schemas["WebhookDeliveryPayload"];
export type Expectation = Schemas["ExpectationPayload"];
export type Hl7Message = Schemas["Hl7MessagePayload"];
export type WorklistChanges = Schemas["WorklistChanges"];
export type NewOrder = Schemas["NewWorklistItem"];
export type WorklistItem = Schemas["WorklistItemPayload"];

export type HealthPart = Schemas["HealthPart"];
export type DetailPart = Schemas["DetailPart"];
export type HealthCode = DetailPart["code"];
export type UploadStatus = Schemas["UploadPayload"];
export type PartUrl = Schemas["PartUrl"];
export type AnalyzeStarted = Schemas["AnalyzeStarted"];

export interface Page<T> {
  items: T[];
  total: number;
  limit: number;
  offset: number;
}

export type Health = Schemas["Health"] & {
  /** False when the node answered 503: a part is down without which it takes nothing in. */
  takesIn: boolean;
};

/** One event of the node's stream: which study changed, and the job when it was a job. */
export interface NodeEvent {
  topic: "study" | "job" | "delivery" | "finding" | "report" | "alert";
  study_instance_uid: string;
  job?: Job;
}

export type NewRules = Schemas["NewRules"];
export type RulesText = Schemas["RulesTextPayload"];
export type RulesPreview = Schemas["RulesPreview"];
export type RuleVersion = Schemas["RuleVersionPayload"];
export type WholeRuleVersion = Schemas["WholeRuleVersion"];
export type HangingProtocols = Schemas["HangingProtocols"];
export type ReportTemplate = Schemas["ReportTemplatePayload"];
export type HangingProtocol = NonNullable<HangingProtocols["protocols"]>[number];
export type NewRun = Schemas["NewRun"];
export type RetrospectiveRun = Schemas["RunPayload"];
export type RunAnswer = Schemas["RunAnswer"];
export type RunStudy = Schemas["RunStudyPayload"];
