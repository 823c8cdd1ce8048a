import { BundleClass, type BoxSegmentationSettings } from '@tessera/contracts';
import type { Bundle } from '@tessera/inference';
import Type from 'typebox';
import { Value } from 'typebox/value';

/**
 * The classes of a bundle's detector, in the order of its channels.
 *
 * @throws BundleError or Error when the file is missing or is not of its form
 */
export async function readClasses(
  bundle: Bundle,
  { classes }: Pick<BoxSegmentationSettings, 'classes'>,
): Promise<BundleClass[]> {
  return Value.Parse(Type.Array(BundleClass), await readJson(bundle, classes));
}

/** @throws BundleError or Error when the file is missing or is not JSON */
export async function readJson(bundle: Bundle, file: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await bundle.readFile(file)).toString('utf8')) as unknown;
}
