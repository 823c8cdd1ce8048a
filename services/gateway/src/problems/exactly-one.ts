import { TesseraError } from '@tessera/contracts';

/** The error of a body that has both or neither of two fields. */
export function exactlyOne(first: string, second: string): TesseraError {
  const message = `give exactly one of ${first} and ${second}`;
  return new TesseraError('TSR_VALIDATION', `Give exactly one of /${first} and /${second}.`, {
    fields: [
      { pointer: `/${first}`, message },
      { pointer: `/${second}`, message },
    ],
  });
}
