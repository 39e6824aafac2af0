// Stepping up: what is dangerous asks for a fresh code, then is tried once more.
import { shallowRef } from "vue";

/** What waits for the dialog; null: nothing. */
export const waiting = shallowRef<((done: boolean) => void) | null>(null);

/** Ask for a code; whether a right one came. */
export function steppedUp(): Promise<boolean> {
  waiting.value?.(false);
  return new Promise((resolve) => {
    waiting.value = (done) => {
      waiting.value = null;
      resolve(done);
    };
  });
}
