// Words for problems: our own by code, else the server's.
import { useI18n } from "vue-i18n";
import type { Problem } from "./problem";

export function useProblemText() {
  const { t, te } = useI18n();
  return {
    title(problem: Problem): string {
      const key = `problem.${problem.code}`;
      return te(key) ? t(key) : problem.title || problem.code;
    },
    detail(problem: Problem): string {
      if (problem.retryAfter > 0) return t("state.retryAfter", { seconds: problem.retryAfter });
      return problem.code === "unreachable" ? t("state.unreachable") : problem.detail;
    },
  };
}
