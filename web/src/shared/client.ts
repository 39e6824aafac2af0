// The one way to the API: typed by the OpenAPI documents, with the session's guards.
import type { paths as Analytics } from "@/generated/analytics";
import type { paths as Campaigns } from "@/generated/campaigns";
import type { paths as Gateway } from "@/generated/gateway";
import type { paths as Members } from "@/generated/members";
import type { paths as Points } from "@/generated/points";
import { Problem, unreachable, type ProblemBody } from "./problem";

interface Services {
  gateway: Gateway;
  members: Members;
  points: Points;
  campaigns: Campaigns;
  analytics: Analytics;
}
export type Service = keyof Services;
type Method = "get" | "post" | "put" | "patch" | "delete";
type Json = "application/json";
type Operation<S extends Service, P extends keyof Services[S], M extends Method> =
  Services[S][P] extends Record<M, infer O> ? O : never;
type PathOf<S extends Service, M extends Method> = {
  [P in keyof Services[S]]: Operation<S, P, M> extends { responses: object } ? P : never;
}[keyof Services[S]] &
  string;
type Taken<O> = O extends { requestBody: { content: { [K in Json]: infer B } } }
  ? B
  : O extends { requestBody?: { content: { [K in Json]: infer B } } }
    ? B
    : unknown;
type Given<O> = O extends { responses: infer R }
  ? {
      [K in keyof R]: K extends 200 | 201 | 202
        ? R[K] extends { content: { [T in Json]: infer B } }
          ? B
          : never
        : never;
    }[keyof R]
  : never;

type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;
export interface Ask<B = unknown> {
  path?: Record<string, string>;
  query?: Query;
  body?: B;
  /** A file, sent as it is instead of a body. */
  file?: Blob;
  /** The ETag that was seen. */
  match?: string | null;
  /** Made when a form opened, so that a second click moves nothing twice. */
  key?: string;
  program?: string | null;
}
export interface Answer<T> {
  body: T;
  etag: string | null;
}

/** So long an answer may take, with its body. */
const LONGEST_MS = 30_000;
const FILE_MS = 600_000;

/** What a session lends to every request. */
export const guards: { csrf: string; program: string | null; locale: string; closed: boolean } = {
  csrf: "",
  program: null,
  locale: "zh-CN",
  /** In a preview nothing is asked. */
  closed: false,
};
/** Called with each problem before it is thrown; true: the request is made once more. */
export const watch: { problem: (problem: Problem) => Promise<boolean> } = {
  problem: () => Promise.resolve(false),
};

/** An answer of a service. Throws Problem. */
export async function api<S extends Service, M extends Method, P extends PathOf<S, M>>(
  service: S,
  method: M,
  path: P,
  ask: Ask<Taken<Operation<S, P, M>>> = {},
): Promise<Answer<Given<Operation<S, P, M>>>> {
  const own = service === "gateway" ? path : `/api/${service}${path}`;
  return call(method, own, ask);
}

async function call<T>(method: Method, path: string, ask: Ask = {}): Promise<Answer<T>> {
  const url = filled(path, ask.path ?? {}) + query(ask.query ?? {});
  for (let again = true; ; again = false) {
    const answer = await sent(method, url, ask);
    if (answer.ok) {
      const text = await answer.text().catch(() => Promise.reject(unreachable()));
      return { body: (text ? JSON.parse(text) : null) as T, etag: answer.headers.get("etag") };
    }
    const problem = await problemOf(answer);
    if (!again || !(await watch.problem(problem))) throw problem;
  }
}

async function sent(method: Method, url: string, ask: Ask, most = ask.file ? FILE_MS : LONGEST_MS): Promise<Response> {
  if (guards.closed) throw unreachable();
  const headers: Record<string, string> = { accept: "application/json", "accept-language": guards.locale };
  const program = ask.program === undefined ? guards.program : ask.program;
  if (program) headers["shuke-program"] = program;
  if (method !== "get" && guards.csrf) headers["shuke-csrf"] = guards.csrf;
  if (ask.match) headers["if-match"] = ask.match;
  if (ask.key) headers["idempotency-key"] = ask.key;
  if (ask.body !== undefined) headers["content-type"] = "application/json";
  if (ask.file) headers["content-type"] = ask.file.type;
  const body = ask.file ?? (ask.body === undefined ? null : JSON.stringify(ask.body));
  try {
    const signal = AbortSignal.timeout(most);
    return await fetch(url, { method: method.toUpperCase(), headers, body, credentials: "same-origin", signal });
  } catch {
    throw unreachable();
  }
}

/** Save the file of an address under a name. Throws Problem. */
export async function download(url: string, name: string): Promise<void> {
  const answer = await sent("get", url, {}, FILE_MS);
  if (!answer.ok) throw await problemOf(answer);
  saveAs(await answer.blob().catch(() => Promise.reject(unreachable())), name);
}

/** Save what is here as a file. */
export function saveAs(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function problemOf(answer: Response): Promise<Problem> {
  const retry = Number(answer.headers.get("retry-after")) || 0;
  try {
    return new Problem((await answer.json()) as ProblemBody, retry);
  } catch {
    return unreachable(answer.status);
  }
}

function filled(path: string, values: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_all, name: string) =>
    (values[name] ?? "").split("/").map(encodeURIComponent).join("/"),
  );
}

function query(values: Query): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const pairs = given.flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, String(each)]));
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

/** A key for a form that moves value, made when it opens. */
export function formKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");
}
