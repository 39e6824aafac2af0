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

/** A tier as the console tells it. */
export interface Rung {
  code: string;
  name?: Record<string, string> | null;
}

function card(wanted: string | undefined, told: readonly Rung[]): Card {
  const sample = [wanted || t("sample.tier"), t("sample.next")].map((code): Rung => ({ code, name: null }));
  const known = told.length > 1 ? told : sample;
  const at = known.findIndex((each) => each.code === wanted);
  const rank = at < 0 ? (known === told ? 1 : 0) : at;
  const tier = known[rank]!.code;
  const next = known[rank + 1]?.code ?? null;
  return {
    member_id: "", status: "active", effective_from: days(-90), terms: { state: "accepted" },
    profile: { name: t("sample.name"), phone: "138****8000" },
    tiers: [{
      ladder: "main", primary: true,
      current: { tier, rank: rank + 1, since: days(-30), pay_bp: 10_000 },
      rungs: known.map((each, place) => ({ tier: each.code, rank: place + 1, name: each.name ?? null, pay_bp: 10_000, match: "any" as const })),
      metric: { amount_minor: 188_000, orders: 4 },
      next_tier: next, missing_for_next: next ? { amount_minor: 112_000, orders: null } : null,
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
export function samplesOf(tier: string | undefined, ladder: readonly Rung[]): Own {
  return {
    card: async () => card(tier, ladder),
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
