// What a list shows of its rows, and what it can be narrowed by.
import type { RouteLocationRaw } from "vue-router";
import type { Option } from "./Choice.vue";

export interface Column<R> {
  /** Name of the field, and of the slot that may show it otherwise. */
  key: string;
  label: string;
  kind?: "number" | "money" | "time" | "id";
  /** Group of words, for a state. */
  words?: string;
  /** Its text is short and never broken. */
  short?: boolean;
  value?: (row: R) => unknown;
  to?: (row: R) => RouteLocationRaw;
}
export interface Filter {
  key: string;
  label: string;
  /** Neither these nor a kind: any text. */
  options?: readonly Option[];
  /** What stands where none of the options is chosen. */
  any?: string;
  kind?: "time" | "day";
}
