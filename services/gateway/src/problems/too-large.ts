import { TesseraError } from '@tessera/contracts';

/** Refuses what is larger than it may be, with how large that is. */
export function tooLarge(what: string, mostBytes: number): TesseraError {
  return new TesseraError('TSR_BODY_TOO_LARGE', `${what} is larger than ${mostBytes / 1e6} megabytes.`);
}
