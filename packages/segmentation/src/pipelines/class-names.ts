import { BundleClass, type BoxSegmentationSettings } from '@tessera/contracts';
import type { Bundle } from '@tessera/inference';
import Type from 'typebox';
import { Value } from 'typebox/value';

/**
 * The names of a bundle's classes, by class index.
 *
 * @throws BundleError or Error when the file is missing or is not of its form
 */
export async function readClassNames(
  bundle: Bundle,
  { classes }: Pick<BoxSegmentationSettings, 'classes'>,
): Promise<string[]> {
  const json = Buffer.from(await bundle.readFile(classes)).toString('utf8');
  return Value.Parse(Type.Array(BundleClass), JSON.parse(json)).map(({ name }) => name);
}
