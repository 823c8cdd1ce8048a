import { TesseraError } from '@tessera/contracts';
import { BundleError, type Bundle } from '@tessera/inference';

/** Why a bundle cannot be served, with its name and with what the errors below say. */
export function bundleFailure({ manifest, directory }: Bundle, error: unknown): BundleError {
  const reasons = reasonsOf(error).join(' ');
  const named = reasons.includes(`"${manifest.name}"`);
  const message = named ? reasons : `Bundle "${manifest.name}" (${directory}) cannot be served: ${reasons}`;
  return new BundleError(message, { cause: error });
}

function reasonsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const fields = TesseraError.isInstance(error) ? error.fields : [];
  const found = fields.map(({ pointer, message }) => `${pointer} ${message}.`);
  return [error.message, ...found, ...reasonsOf(error.cause)];
}
