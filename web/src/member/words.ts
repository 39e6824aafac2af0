// Words for what the services tell by codes.
import { useI18n } from "vue-i18n";
import { count, minor, percent } from "@/shared/format";
import type { Entry, Tiers } from "./own";

const WHOLE_BP = 10_000;

export function useWords() {
  const { t, te, locale } = useI18n();
  const chinese = () => locale.value === "zh-CN";

  function tier(ladder: Tiers, code: string): string {
    const names = ladder.rungs.find((each) => each.tier === code)?.name;
    return names?.[chinese() ? "zh" : "en"] ?? code;
  }
  return {
    tier,
    /** What its members pay, as a discount is told; empty: the whole price. */
    pay(bp: number): string {
      if (bp >= WHOLE_BP) return "";
      return t("card.pay", { share: chinese() ? count(bp / 1000) : percent(WHOLE_BP - bp) });
    },
    /** What the next tier still asks for. */
    missing(ladder: Tiers): string {
      const { next_tier, missing_for_next: missing } = ladder;
      const parts = [
        missing?.amount_minor ? t("card.spend", { amount: minor(missing.amount_minor) }) : "",
        missing?.orders ? t("card.buy", { orders: count(missing.orders) }) : "",
      ].filter(Boolean);
      if (!next_tier || !parts.length) return t("card.top");
      const both = ladder.rungs.find((each) => each.tier === next_tier)?.match === "all";
      return t("card.next", { what: parts.join(t(both ? "card.and" : "card.or")), tier: tier(ladder, next_tier) });
    },
    /** Why a line of the ledger is there. */
    reason(entry: Entry): string {
      const key = `reason.${entry.kind}`;
      return te(`${key}.${entry.source_kind}`) ? t(`${key}.${entry.source_kind}`) : te(`${key}.any`) ? t(`${key}.any`) : entry.kind;
    },
  };
}
