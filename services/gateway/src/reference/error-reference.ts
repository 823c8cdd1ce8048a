import { errorTable, type ErrorDefinition } from '@tessera/contracts';
import { generatedNotice, markdownTable } from './markdown.js';

/** `docs/reference/errors.md`: every error of the table, by code. */
export function errorReference(): string {
  const errors: [string, ErrorDefinition][] = Object.entries(errorTable);
  const overview = markdownTable(
    ['Code', 'Status', 'Retry'],
    errors.map(([code, { status, retryable }]) => [
      `[\`${code}\`](#${code.toLowerCase()})`,
      `${status}`,
      retryable ? 'yes' : 'no',
    ]),
  );
  const sections = errors.map(([code, { status, retryable, title, remedy }]) =>
    [
      `## ${code}`,
      `${title}. Status ${status}; ${retryable ? 'the same request may succeed later' : 'the same request will fail again'}.`,
      remedy,
    ].join('\n\n'),
  );
  return `${[
    '# Errors',
    generatedNotice,
    'Every error response is `application/problem+json` (RFC 9457): `type` is `urn:tessera:error:` and the code, `title` is the same for every occurrence, `detail` describes this occurrence, `request_id` is the one of the `x-request-id` header, and `errors` lists findings in the body, each with a JSON pointer. Programs should decide by `code`.',
    'Requests that are refused before they are complete HTTP (malformed, headers too large, not there within a minute) get the same form. Where waiting helps, `retry-after` has the number of seconds.',
    overview,
    ...sections,
  ].join('\n\n')}\n`;
}
