// What a list shows of its rows, and what it can be narrowed by.
import type { RouteLocationRaw } from "vue-router";
import { units } from "@/shared/format";
import { word } from "@/shared/i18n";
import type { Cell } from "../files";
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

/** What a row has in a column. */
export function valueOf<R extends object>(row: R, column: Column<R>): unknown {
  return column.value ? column.value(row) : (row as Record<string, unknown>)[column.key];
}

/** The same for a file: ids and instants whole, states in words, money in units. */
export function cellOf<R extends object>(row: R, column: Column<R>): Cell {
  const value = valueOf(row, column) as Cell;
  if (value === null || value === undefined || value === "") return "";
  if (column.words) return word(column.words, String(value));
  return column.kind === "money" ? units(Number(value)) : value;
}
