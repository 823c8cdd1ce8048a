import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedDataDirectory } from '@tessera/evaluation';

/**
 * The primitives of C-GQA and the pairs that models are trained on there (Naeem et al., "Learning Graph Embeddings for
 * Compositional Zero-shot Learning", CVPR 2021).
 *
 * @throws SharedDataError when the lists are not on this machine
 */
export async function readCgqaPairs() {
  const directory = sharedDataDirectory(join('czsl', 'cgqa'));
  const read = async (split: string): Promise<string[][]> => {
    const text = await readFile(join(directory, `${split}_pairs.txt`), 'utf8');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')]));
  };
  const [trainPairs = [], ...others] = await Promise.all(['train', 'val', 'test'].map(read));
  const pairs = [...trainPairs, ...others.flat()];
  return {
    attributes: [...new Set(pairs.map(([attribute = '']) => attribute))].sort(),
    objects: [...new Set(pairs.map(([, object = '']) => object))].sort(),
    trainPairs,
  };
}
