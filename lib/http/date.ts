/**
 * Dates as HTTP writes them (RFC 9110, section 5.6.7).
 *
 * @module
 */

const TIME = "(?<time>\\d\\d:\\d\\d:\\d\\d)";

/** The form that is written today, and the two old ones that are still to be read; all of them are GMT. */
const FORMS = [
  `\\w{3}, (?<day>\\d\\d) (?<month>\\w{3}) (?<year>\\d{4}) ${TIME} GMT`,
  `\\w{6,9}, (?<day>\\d\\d)-(?<month>\\w{3})-(?<year>\\d\\d) ${TIME} GMT`,
  `\\w{3} (?<month>\\w{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** A year of two digits is at most 50 years ahead. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  const now = new Date().getUTCFullYear();
  const full = now - now % 100 + Number(year);
  return full > now + 50 ? full - 100 : full;
}

/** Reads a date: its time in ms since 1970, undefined for what is in none of the three forms. */
export function parseDate(text: string): number | undefined {
  for (const form of FORMS) {
    const { day = "", month, year, time } = text.match(form)?.groups ?? {};
    if (year === undefined) continue;
    const at = `${month} ${fullYear(year)} ${time} GMT`;
    const date = `${day.trim().padStart(2, "0")} ${at}`;
    // 31 February is no day, and 25:61 no time
    const ms = Date.parse(date);
    return new Date(ms).toUTCString().endsWith(date) ? ms : undefined;
  }
}
