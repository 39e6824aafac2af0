// Tables as files for table programs.
export type Cell = string | number | null | undefined;

const NUMBER = /^-?\d+(\.\d+)?$/;
/** What a table program takes for a formula, and would carry out. */
const FORMULA = /^[=+\-@\t\r]/;

/** Lines as a file: UTF-8 with its mark, without which Chinese is not read. */
export function saveTable(name: string, lines: readonly (readonly Cell[])[]): void {
  const text = lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function cell(value: Cell): string {
  const text = String(value ?? "");
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
