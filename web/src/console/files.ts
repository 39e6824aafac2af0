// Tables as files for table programs.
import { saveAs } from "@/shared/client";

export type Cell = string | number | null | undefined;

const NUMBER = /^-?\d+(\.\d+)?$/;
/** What a table program takes for a formula, and would carry out. */
const FORMULA = /^[=+\-@\t\r]/;

/** Lines as a file: UTF-8 with its mark, without which Chinese is not read. */
export function saveTable(name: string, lines: readonly (readonly Cell[])[]): void {
  const text = lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
  saveAs(new Blob(["\ufeff", text], { type: "text/csv" }), `${name}.csv`);
}

function cell(value: Cell): string {
  const text = String(value ?? "");
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
