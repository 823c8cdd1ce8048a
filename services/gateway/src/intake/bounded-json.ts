import { TesseraError } from '@tessera/contracts';

/** More than any request needs: the candidates of a classification are 300 000 lists. */
const mostContainers = 500_000;

/**
 * Checks JSON before it is parsed. Short lists and objects take a dozen times the memory of their text: without a limit, a few bodies
 * of the allowed size would fill that of the process, and keep it busy for seconds.
 *
 * @throws TesseraError `TSR_BODY_TOO_LARGE` for JSON with too many lists and objects; brackets in its texts count, too
 */
export function requireBoundedJson(json: Buffer): void {
  let count = 0;
  for (const bracket of [0x5b, 0x7b]) {
    for (let place = json.indexOf(bracket); place >= 0; place = json.indexOf(bracket, place + 1)) {
      if (++count > mostContainers) {
        throw new TesseraError('TSR_BODY_TOO_LARGE', `The body has more than ${mostContainers} lists and objects.`);
      }
    }
  }
}
