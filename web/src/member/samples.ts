// A member who is nobody, for the preview.
import { i18n } from "@/shared/i18n";
import type { Card, Centre, CheckIns, Coupon, Entry, Own, Session, Wallet } from "./own";

const DAY_MS = 86_400_000;
const t = (key: string) => i18n.global.t(key);
const days = (count: number) => new Date(Date.now() + count * DAY_MS).toISOString();

export function sampleCentre(program: string): Centre {
  return { program_id: program, name: t("sample.shop"), currency: "CNY", timezone: "Asia/Shanghai", codes: true, decoration: null };
}

export function sampleSession(program: string, state: Session["state"]): Session {
  return {
    session_id: "", csrf_token: "", program_id: program, state, member_id: null, phone_proven: true,
    today: days(0).slice(0, 10), checked_in_today: false, expires_at: days(30),
  };
}

const wallet: Wallet = {
  wallet: "points", kind: "points", balance: 1280, available: 1280, held: 0, pending: 0, debt: 0,
  next_expiry: { at: days(20), amount: 120 }, value: { amount_minor: 1280, currency: "CNY" }, version: 12,
};

function card(tier: string): Card {
  const rung = { pay_bp: 10_000, match: "any" as const };
  return {
    member_id: "", status: "active", effective_from: days(-90), terms: { state: "accepted" },
    profile: { name: t("sample.name"), phone: "138****8000" },
    tiers: [{
      ladder: "main", primary: true,
      current: { tier, rank: 1, since: days(-30), pay_bp: 10_000 },
      rungs: [{ tier, rank: 1, name: null, ...rung }, { tier: t("sample.next"), rank: 2, name: null, ...rung }],
      metric: { amount_minor: 188_000, orders: 4 },
      next_tier: t("sample.next"), missing_for_next: { amount_minor: 112_000, orders: null },
    }],
  };
}

function entry(version: number, amount: number, source: string, ago: number): Entry {
  return {
    entry_id: `sample-${version}`, version, wallet: "points", kind: source === "order" ? "earn" : "activity",
    account: "", amount, balance: 1280, at: days(-ago), posted_at: days(-ago), source_kind: source, source_id: "",
  };
}

function coupon(): Coupon {
  return {
    coupon_id: "cpn_sample", template_id: "", campaign_id: "", name: t("sample.coupon"), kind: "amount",
    face_minor: 2_000, threshold_minor: 10_000, currency: "CNY", member_id: "", customer_id: null,
    channel: "new-member-gift", source_kind: "member", source_id: "", state: "issued",
    valid_from: days(-3), valid_to: days(27), order_id: null, version: 1,
  };
}

function month(wanted: string | null): CheckIns {
  const today = days(0).slice(0, 10);
  const shown = wanted ?? today.slice(0, 7);
  const found = [3, 2, 1].map((ago) => days(-ago).slice(0, 10)).filter((day) => day.startsWith(shown));
  return { month: shown, today, days: found.map((day) => ({ day, points: 5 })) };
}

/** Samples of a member of a tier. */
export function samplesOf(tier: string | undefined): Own {
  return {
    card: async () => card(tier || t("sample.tier")),
    wallet: async () => wallet,
    entries: async (way) => ({
      items: way === "out" ? [] : [entry(12, 5, "check-in", 1), entry(11, 192, "order", 2), entry(10, 86, "order", 9)],
      next_page_token: null,
    }),
    explanation: async (id) => ({
      entry_id: id, kind: "earn", amount: 192, rule_version: 1, cause: {}, order: null,
      calculation: { steps: [] }, lot: null, touched_later: [], sentence: t("sample.sentence"),
    }),
    checkIns: async (wanted) => month(wanted),
    coupons: async () => [coupon()],
    erasures: async () => [],
    consents: async () => ({}),
  };
}
