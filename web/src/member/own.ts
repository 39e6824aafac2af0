// What is a shopper's own, asked of the services. The preview has samples in its place.
import { api } from "@/shared/client";
import type { components as Campaigns } from "@/generated/campaigns";
import type { components as Gateway } from "@/generated/gateway";
import type { components as Members } from "@/generated/members";
import type { components as Points } from "@/generated/points";

export type Centre = Gateway["schemas"]["Centre"];
export type Session = Gateway["schemas"]["MemberSession"];
export type Card = Members["schemas"]["Card"];
export type Tiers = Members["schemas"]["OwnTiers"];
export type Erasure = Members["schemas"]["ErasureAnswer"];
export type Consents = Members["schemas"]["ConsentLedger"]["consents"];
export type Wallet = Points["schemas"]["Wallet"];
export type Entry = Points["schemas"]["EntryAnswer"];
export type EntryPage = Points["schemas"]["EntryPage"];
export type Explanation = Points["schemas"]["ExplanationAnswer"];
export type CheckIns = Points["schemas"]["CheckInMonth"];
export type Coupon = Campaigns["schemas"]["CouponLine"];
export type Way = "in" | "out";

export interface Own {
  card(): Promise<Card>;
  wallet(): Promise<Wallet>;
  entries(way: Way | null, page: string | null): Promise<EntryPage>;
  explanation(entry: string, lang: "zh" | "en"): Promise<Explanation>;
  /** `month` as YYYY-MM; null: the program's. */
  checkIns(month: string | null): Promise<CheckIns>;
  coupons(): Promise<Coupon[]>;
  erasures(): Promise<Erasure[]>;
  /** What was said last, by purpose. */
  consents(): Promise<Consents>;
}

const MOST_COUPONS = 200;

export const asked: Own = {
  card: async () => (await api("members", "get", "/v1/me")).body,
  wallet: async () => (await api("points", "get", "/v1/me/balance")).body.wallets[0]!,
  entries: async (way, page) =>
    (await api("points", "get", "/v1/me/entries", { query: { way, page_token: page } })).body,
  explanation: async (entry, lang) =>
    (await api("points", "get", "/v1/me/entries/{entry_id}/explanation", { path: { entry_id: entry }, query: { lang } })).body,
  checkIns: async (month) => (await api("points", "get", "/v1/me/check-ins", { query: { month } })).body,
  async coupons() {
    const found: Coupon[] = [];
    let page: string | null = null;
    do {
      const query: Record<string, string | number | null> = { page_size: MOST_COUPONS, page_token: page };
      const { items, next_page_token }: { items: Coupon[]; next_page_token: string | null } =
        (await api("campaigns", "get", "/v1/me/coupons", { query })).body;
      found.push(...items);
      page = next_page_token;
    } while (page);
    return found;
  },
  erasures: async () => (await api("members", "get", "/v1/me/erasures")).body.items,
  consents: async () => (await api("members", "get", "/v1/me/consents")).body.consents,
};
