// Something asked of the API: its answer, its problem, and whether it takes long.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { asProblem, type Problem } from "./problem";

const SLOW_MS = 200;

export interface Loading<T> {
  value: ShallowRef<T | null>;
  problem: ShallowRef<Problem | null>;
  /** Long enough under way to show something. */
  slow: Ref<boolean>;
  busy: Ref<boolean>;
  /** Quietly: what is shown stays where no answer comes. */
  load: (quietly?: boolean) => Promise<void>;
}

/** Ask by `load()`; an answer that a later question overtook is dropped. */
export function useLoading<T>(ask: () => Promise<T>): Loading<T> {
  const value = shallowRef<T | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const slow = ref(false);
  const busy = ref(false);
  let asked = 0;
  let timer = 0;
  onScopeDispose(() => clearTimeout(timer));

  async function load(quietly = false): Promise<void> {
    const mine = ++asked;
    busy.value = true;
    clearTimeout(timer);
    timer = window.setTimeout(() => (slow.value = busy.value), SLOW_MS);
    try {
      const found = await ask();
      if (mine === asked) [value.value, problem.value] = [found, null];
    } catch (error) {
      const told = asProblem(error);
      if (mine === asked && !(quietly && value.value)) [value.value, problem.value] = [null, told];
    } finally {
      if (mine === asked) busy.value = slow.value = false;
    }
  }
  return { value, problem, slow, busy, load };
}
