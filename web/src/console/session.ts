// Who is logged in, which program is looked at, and what may be done there.
import { reactive } from "vue";
import { api, guards } from "@/shared/client";
import { place } from "@/shared/format";
import { chosen, known, speak } from "@/shared/i18n";
import { Problem } from "@/shared/problem";
import type { Session, SessionProgram } from "./api/types";

const REMEMBERED = "shuke.program";

interface State {
  current: Session | null;
  program: SessionProgram | null;
  loaded: boolean;
}

export const session = reactive<State>({ current: null, program: null, loaded: false });

/** Take a session as the API gives it. Who chose no language in this browser has the account's. */
export function take(found: Session | null): void {
  const locale = known(found?.locale);
  if (locale && !chosen()) void speak(locale);
  session.current = found;
  session.loaded = true;
  guards.csrf = found?.csrf_token ?? "";
  const wanted = session.program?.program_id ?? localStorage.getItem(REMEMBERED);
  const programs = found?.programs ?? [];
  look(programs.find((each) => each.program_id === wanted) ?? programs[0] ?? null);
}

/** Ask who is logged in; nobody is no error. */
export async function recall(): Promise<Session | null> {
  try {
    take((await api("gateway", "get", "/api/gateway/v1/sessions/current")).body);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    take(null);
  }
  return session.current;
}

export function choose(programId: string): void {
  localStorage.setItem(REMEMBERED, programId);
  look(session.current?.programs.find((each) => each.program_id === programId) ?? null);
}

function look(program: SessionProgram | null): void {
  session.program = program;
  guards.program = program?.program_id ?? null;
  place.zone = program?.time_zone ?? "UTC";
  place.currency = program?.currency ?? "CNY";
}

/** Whether the program looked at permits something; of several, with spaces between, any of them. */
export function may(permission: string): boolean {
  return among(session.program?.permissions, permission);
}

/** Whether something is permitted that is of no program: of the installation. */
export function mayEverywhere(permission: string): boolean {
  return among(session.current?.permissions, permission);
}

function among(permissions: readonly string[] = [], permission: string): boolean {
  return permissions.includes("*") || permission.split(" ").some((each) => permissions.includes(each));
}

/** Whether the whole program is seen, not some stores of it. */
export function seesAll(): boolean {
  return session.program?.stores.includes("*") ?? false;
}
