/** The preferences of RFC 7240 that this service knows. */
export interface Preferences {
  /** `respond-async`: answer 202 at once. */
  readonly respondAsync: boolean;
  /** `wait=N`: seconds to wait for the result before answering 202. */
  readonly waitSeconds: number | undefined;
}

/**
 * Reads a `Prefer` header (RFC 7240 section 2). Unknown and malformed preferences are ignored, as the RFC requires;
 * the first of a repeated preference counts.
 */
export function parsePrefer(header: string | readonly string[] | undefined): Preferences {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  let respondAsync = false;
  let waitSeconds: number | undefined;
  for (const part of text.split(',')) {
    const preference = (part.split(';')[0] ?? '').trim().toLowerCase();
    if (preference === 'respond-async') respondAsync = true;
    const wait = /^wait\s*=\s*"?(\d{1,6})"?$/.exec(preference)?.[1];
    if (wait !== undefined) waitSeconds ??= Number(wait);
  }
  return { respondAsync, waitSeconds };
}
