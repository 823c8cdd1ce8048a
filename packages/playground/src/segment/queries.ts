/** As many as the service takes at once. */
const mostQueries = 16;
/** As many characters as the service takes in one. */
const longestQuery = 512;

/** What was typed: queries, or why they cannot be asked. */
export type TypedQueries =
  | { readonly queries: readonly string[]; readonly problem?: undefined }
  | { readonly problem: string; readonly queries?: undefined };

/** Reads queries with semicolons between them. */
export function queriesIn(text: string): TypedQueries {
  const queries = text
    .split(';')
    .map((query) => query.trim())
    .filter((query) => query !== '');
  if (queries.length > mostQueries) {
    return { problem: `These are ${queries.length} queries; at most ${mostQueries} are answered at once.` };
  }
  const tooLong = queries.map(({ length }) => length).filter((length) => length > longestQuery);
  if (tooLong.length > 0) {
    return { problem: `A query has at most ${longestQuery} characters; this one has ${Math.max(...tooLong)}.` };
  }
  return { queries };
}
