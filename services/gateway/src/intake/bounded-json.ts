import { TesseraError } from '@tessera/contracts';

/** What JSON may hold at most. */
interface JsonBounds {
  /** Lists and objects together. */
  readonly containers: number;
  /** Values together, to within one per list or object. */
  readonly values: number;
}

/** More than any request needs: the candidates of a classification are 300 000 lists of up to nine words. */
export const bodyBounds: JsonBounds = { containers: 500_000, values: 3_500_000 };
/** Lists and objects inside each other: ten times as many as any field has. What recurses into a value can rely on it. */
const mostDepth = 100;

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Checks JSON before it is parsed. Short lists and objects take a dozen times the memory of their text, and each value is
 * looked at again and again afterwards: without a limit, a few bodies of the allowed size would fill the memory of the
 * process, or keep it busy for a minute.
 *
 * @param what - the JSON is, in errors
 * @throws TesseraError `TSR_BODY_TOO_LARGE` for JSON with too many lists and objects, or values; `TSR_BODY_INVALID` for
 * JSON that is nested too deeply
 */
export function requireBoundedJson(json: Buffer, most = bodyBounds, what = 'The body'): void {
  let [containers, values, depth] = [0, 0, 0];
  for (let place = 0; place < json.length; place += 1) {
    switch (json[place] ?? 0) {
      case quote:
        place = endOfText(json, place);
        break;
      case comma:
        values += 1;
        if (values > most.values) throw tooMany(what, `${most.values} values`);
        break;
      case openList:
      case openObject:
        containers += 1;
        depth += 1;
        if (containers > most.containers) throw tooMany(what, `${most.containers} lists and objects`);
        if (depth > mostDepth) {
          throw new TesseraError(
            'TSR_BODY_INVALID',
            `${what} has more than ${mostDepth} lists and objects inside each other.`,
          );
        }
        break;
      case closeList:
      case closeObject:
        depth -= 1;
        break;
      default:
        break;
    }
  }
}

/** Where the text ends whose opening quote is at `start`. */
function endOfText(json: Buffer, start: number): number {
  const end = json.indexOf(quote, start + 1);
  if (end < 0) return json.length;
  if (json[end - 1] !== backslash) return end;
  // A search for each quote would be slow where all are escaped.
  let place = start + 1;
  while (place < json.length && json[place] !== quote) place += json[place] === backslash ? 2 : 1;
  return place;
}

function tooMany(what: string, most: string): TesseraError {
  return new TesseraError('TSR_BODY_TOO_LARGE', `${what} has more than ${most}.`);
}
