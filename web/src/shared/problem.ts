// What went wrong, as the API tells it (application/problem+json).
export interface ProblemField {
  pointer: string;
  code: string;
  message: string;
}
export interface ProblemBody {
  title: string;
  status: number;
  code: string;
  detail: string;
  errors: ProblemField[];
  trace_id: string;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: ProblemField[];
  readonly trace: string;

  constructor(
    body: ProblemBody,
    /** Seconds until it is worth another try. */
    readonly retryAfter = 0,
  ) {
    super(body.detail || body.title);
    this.name = "Problem";
    this.status = body.status;
    this.code = body.code;
    this.title = body.title;
    this.detail = body.detail;
    this.errors = body.errors ?? [];
    this.trace = body.trace_id ?? "";
  }
}

/** The problem when nothing of ours answered. */
export function unreachable(status = 0): Problem {
  return new Problem({ title: "", status, code: "unreachable", detail: "", errors: [], trace_id: "" });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}
