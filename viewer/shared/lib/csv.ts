export type Cell = string | number | false | null;

/** A value that a spreadsheet would take for a formula is text (OWASP, "CSV Injection"). */
function cell(value: Cell): string {
  const written = value === null || value === false ? "" : String(value);
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(written);
  const safe = isFormula ? `'${written}` : written;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows as a table (RFC 4180). */
export function csvTable(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** The same for the clipboard: spreadsheets take columns apart by tabs, and a value has one line. */
export function tabTable(rows: readonly (readonly Cell[])[]): string {
  const inLine = (value: Cell) => cell(typeof value === "string" ? value.replaceAll(/[\t\r\n]+/g, " ") : value);
  return rows.map((row) => row.map(inLine).join("\t")).join("\n");
}
