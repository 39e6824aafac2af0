// Names of tiers, from the published ladder of the program.
import { computed, shallowRef } from "vue";
import { api } from "@/shared/client";
import type { Ladder } from "./api/types";
import { i18n } from "@/shared/i18n";
import { asProblem } from "@/shared/problem";
import { may, session } from "./session";

const known = shallowRef<{ program: string; ladder: Ladder | null }>({ program: "", ladder: null });

export function useLadder() {
  const program = session.program?.program_id ?? "";
  if (known.value.program !== program && may("settings.read")) void read(program);
  return {
    codes: computed(() => known.value.ladder?.tiers.map((tier) => tier.code) ?? []),
    /** A tier's name as shown; its code where it has none. */
    name: (code: string | null | undefined): string => {
      const tier = known.value.ladder?.tiers.find((each) => each.code === code);
      return tier?.name?.[i18n.global.locale.value === "en" ? "en" : "zh"] ?? code ?? "–";
    },
  };
}

/** Without an answer codes are shown, and the next page asks anew. */
async function read(program: string): Promise<void> {
  known.value = { program, ladder: null };
  const path = { document: "ladder/main" };
  try {
    const found = (await api("members", "get", "/v1/settings/{document}", { path })).body as {
      published: { body: Ladder } | null;
    };
    known.value = { program, ladder: found.published?.body ?? null };
  } catch (error) {
    asProblem(error);
    known.value = { program: "", ladder: null };
  }
}
