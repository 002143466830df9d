/** A value that a spreadsheet would take for a formula is text (OWASP, "CSV Injection"). */
function cell(value: string | number | false | null): string {
  const written = value === null || value === false ? "" : String(value);
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(written);
  const safe = isFormula ? `'${written}` : written;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows as a table (RFC 4180). */
export function csvTable(rows: readonly (readonly (string | number | false | null)[])[]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
