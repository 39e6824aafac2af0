// Names of the program's stores.
import { computed, shallowRef } from "vue";
import { api } from "@/shared/client";
import type { Store } from "./api/types";
import { brief } from "@/shared/format";
import { asProblem } from "@/shared/problem";
import { may, session } from "./session";

const known = shallowRef<{ program: string; items: Store[] }>({ program: "", items: [] });

export function useStores() {
  if (known.value.program !== session.program?.program_id) void readStores();
  return {
    items: computed(() => known.value.items),
    options: computed(() => known.value.items.map((each) => ({ value: each.store_id, label: each.name }))),
    name: (id: string | null | undefined): string =>
      id ? (known.value.items.find((each) => each.store_id === id)?.name ?? brief(id)) : "–",
  };
}

/** Read them anew, after one was made or changed; without an answer the next page asks again. */
export async function readStores(): Promise<void> {
  const program = session.program?.program_id ?? "";
  known.value = { program, items: [] };
  if (!may("programs.read")) return;
  try {
    known.value = { program, items: (await api("gateway", "get", "/api/gateway/v1/stores")).body.items };
  } catch (error) {
    asProblem(error);
    known.value = { program: "", items: [] };
  }
}
