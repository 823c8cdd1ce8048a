/**
 * How long the header `retry-after` of an answer asks to wait (RFC 9110, section 10.2.3: seconds, or a date), in milliseconds;
 * undefined when it says neither.
 */
export function retryAfterMs(header: string | readonly string[] | undefined, now = Date.now()): number | undefined {
  const text = (typeof header === 'string' ? header : (header?.at(-1) ?? '')).trim();
  if (/^\d+$/.test(text)) return 1_000 * Number(text);
  // Dates begin with the day of the week; the parser also takes much that is none.
  const date = /^[A-Z][a-z]{2,8}[, ]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
