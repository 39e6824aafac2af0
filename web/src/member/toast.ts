// A few words at the foot of the page that go by themselves.
import { ref } from "vue";

const SHOWN_MS = 2600;
export const toast = ref("");
let timer = 0;

export function say(words: string): void {
  toast.value = words;
  clearTimeout(timer);
  timer = window.setTimeout(() => (toast.value = ""), SHOWN_MS);
}
