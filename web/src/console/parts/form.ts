// What a form tells its fields.
import type { InjectionKey } from "vue";
import type { Problem } from "@/shared/problem";

export interface FormState {
  /** What is wrong with the field of a JSON pointer; empty: nothing. */
  wrong: (pointer: string) => string;
}
export const FORM: InjectionKey<FormState> = Symbol("form");

/** What a problem says of a field. */
export function wrongIn(problem: Problem | null, pointer: string): string {
  return problem?.errors.find((each) => each.pointer === pointer)?.message ?? "";
}
