import { TesseraError } from '@tessera/contracts';

/** The error of a body that has more or less than one of some fields. */
export function exactlyOne(...names: readonly [string, string, ...string[]]): TesseraError {
  const list = (before: string) => {
    const marked = names.map((name) => before + name);
    return `${marked.slice(0, -1).join(', ')} and ${marked.at(-1) ?? ''}`;
  };
  const message = `give exactly one of ${list('')}`;
  return new TesseraError('TSR_VALIDATION', `Give exactly one of ${list('/')}.`, {
    fields: names.map((name) => ({ pointer: `/${name}`, message })),
  });
}
