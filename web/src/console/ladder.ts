// Names of tiers, of the published ladder of the program: whoever works in it may know them.
import { computed, shallowRef } from "vue";
import { api } from "@/shared/client";
import type { TierName } from "./api/types";
import { i18n } from "@/shared/i18n";
import { asProblem } from "@/shared/problem";
import { session } from "./session";

const known = shallowRef<{ program: string; tiers: TierName[] }>({ program: "", tiers: [] });

export function useLadder() {
  const program = session.program?.program_id ?? "";
  if (known.value.program !== program) void read(program);
  return {
    tiers: computed(() => known.value.tiers),
    codes: computed(() => known.value.tiers.map((tier) => tier.code)),
    /** A tier's name as shown; its code where it has none. */
    name: (code: string | null | undefined): string => {
      const tier = known.value.tiers.find((each) => each.code === code);
      return tier?.name?.[i18n.global.locale.value === "en" ? "en" : "zh"] ?? code ?? "–";
    },
  };
}

/** Without an answer codes are shown, and the next page asks anew. */
async function read(program: string): Promise<void> {
  known.value = { program, tiers: [] };
  try {
    known.value = { program, tiers: (await api("members", "get", "/v1/tiers")).body.items };
  } catch (error) {
    asProblem(error);
    known.value = { program: "", tiers: [] };
  }
}
