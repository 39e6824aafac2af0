// Names for what the API gives and takes.
import type { components as Analytics } from "@/generated/analytics";
import type { components as Campaigns } from "@/generated/campaigns";
import type { components as Gateway } from "@/generated/gateway";
import type { components as Members } from "@/generated/members";
import type { components as Points } from "@/generated/points";

type G = Gateway["schemas"];
export type Program = G["Program"];
export type Store = G["Store"];
export type Connection = G["Connection"];
export type ConnectionMade = G["ConnectionMade"];
export type Delivery = G["DeliveryLine"];
export type OrderTold = G["OrderTold"];
export type KeptDelivery = G["KeptDelivery"];
export type Endpoint = G["Endpoint"];
export type MessageLine = G["MessageLine"];
export type DeadLetter = G["DeadLetter"];
export type Parked = G["ParkedProgram"];
export type Halt = G["HaltLine"];
export type Key = G["Key"];
export type Secret = G["SecretLine"];
export type SigningSecret = G["SigningSecretLine"];
export type Session = G["Session"];
export type SessionProgram = G["Reached"];
export type StaffMember = G["Staff"];
export type RoleLine = G["RoleLine"];
export type Position = G["NamedPosition"];
export type Training = G["NamedTraining"];
export type AuditLine = G["AuditLine"];
export type Replay = G["Replay"];
export type Export = G["ExportState"];
export type Approval = G["Approval"];
export type ComparedDay = G["ComparedDay"];
export type ComparedOrder = G["ComparedOrder"];
export type LiveSession = G["SessionLine"];
export type MemberLine = Members["schemas"]["MemberLine"];
export type Member = Members["schemas"]["MemberAnswer"];
export type Profile = Members["schemas"]["Profile"];
export type Erasure = Members["schemas"]["ErasureAnswer"];
export type Linked = Members["schemas"]["LinkedCustomer"];
export type TierName = Members["schemas"]["TierName"];
export type Ladder = Members["schemas"]["Ladder"];
export type Tier = Members["schemas"]["Tier"];
export type Wallet = Points["schemas"]["Wallet"];
export type OrderPoints = Points["schemas"]["OrderAnswer"];
export type Entry = Points["schemas"]["EntryAnswer"];
export type Explanation = Points["schemas"]["ExplanationAnswer"];
export type Lot = Points["schemas"]["LotAnswer"];
export type CampaignLine = Campaigns["schemas"]["CampaignLine"];
export type CampaignAnswer = Campaigns["schemas"]["CampaignAnswer"];
export type Coupon = Campaigns["schemas"]["CouponLine"];
export type Template = Campaigns["schemas"]["TemplateAnswer"];
export type Home = Analytics["schemas"]["Home"];
export type RfmPage = Analytics["schemas"]["RfmPage"];
export type Scored = Analytics["schemas"]["ScoredSubject"];

/** A page of a list; lists that are short have one. */
export interface Page<R> {
  items: R[];
  next_page_token?: string | null;
}
