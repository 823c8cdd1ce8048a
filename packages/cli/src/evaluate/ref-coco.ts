import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { UsageError } from '../command-errors.js';
import { groupedBy, Instances, targetOf } from './coco-annotations.js';
import { PickleError, readPlainPickle } from './plain-pickle.js';
import { checked, readJson } from './read-data.js';
import type { LabelledQuery, QueriedImage, SegmentationSet } from './segmentation-set.js';

const References = Type.Array(
  Type.Object({
    ann_id: Type.Integer(),
    image_id: Type.Integer(),
    split: Type.String(),
    sentences: Type.Array(Type.Object({ sent: Type.String() }), { minItems: 1 }),
  }),
);

/** Whose splits are taken where a download has several: those that publications report. */
const preferred = ['unc', 'umd'];

/**
 * RefCOCO, RefCOCO+ and RefCOCOg (Kazemzadeh et al., 2014; Yu et al., 2016) in the layout of `refer`: every sentence about
 * an object is asked.
 */
export const refCoco: SegmentationSet = {
  layout:
    '<root>/refs(unc).p (or as .json) and <root>/instances.json, images in <root>/../images/mscoco/images/train2014/',
  defaultSplit: 'val',
  async open({ root, split = 'val', refs, images: directory = join(root, '..', 'images/mscoco/images/train2014') }) {
    const all = await readReferences(root, refs);
    const references = all.filter((reference) => reference.split === split);
    if (references.length === 0) {
      const known = [...new Set(all.map((reference) => reference.split))].sort().join(', ');
      throw new UsageError(`No reference is of the split "${split}"; there are ${known}.`);
    }
    const { images, annotations } = await readJson(join(root, 'instances.json'), Instances);
    const names = new Map(images.map(({ id, file_name: name }) => [id, name]));
    const parts = new Map(annotations.map((annotation) => [annotation.id, annotation]));
    return [...groupedBy(references, ({ image_id: image }) => image)].map(([image, ofImage]): QueriedImage => {
      const name = names.get(image);
      if (name === undefined) throw new UsageError(`instances.json has no image ${image}, which a reference is about.`);
      const queries = ofImage.flatMap(({ ann_id: id, sentences }) => {
        const part = parts.get(id);
        if (part === undefined)
          throw new UsageError(`instances.json has no annotation ${id}, which a reference is about.`);
        return sentences.map(({ sent }): LabelledQuery => {
          return { text: sent.trim(), target: (height, width) => targetOf([part], [], height, width) };
        });
      });
      return { image: join(directory, name), queries };
    });
  },
};

/**
 * `refs(….)` as JSON, or as the pickle that `refer` distributes.
 *
 * @throws UsageError when it is not there, not named where it has to be, or damaged
 */
async function readReferences(root: string, refs: string | undefined): Promise<Static<typeof References>> {
  const names = await readdir(root).catch(() => {
    throw new UsageError(`There is no directory ${root}.`);
  });
  const known = [...new Set(names.flatMap((name) => /^refs\((.+)\)\.(?:json|p)$/.exec(name)?.[1] ?? []))].sort();
  const own = refs ?? (known.length === 1 ? known[0] : preferred.find((name) => known.includes(name)));
  if (known.length === 0)
    throw new UsageError(`${root} has no refs(….p); --root is a directory as refer/data/refcoco.`);
  if (own === undefined || !known.includes(own)) {
    throw new UsageError(`${root} has the references ${known.join(', ')}; name one of them with --refs.`);
  }
  // Who converted a pickle has both.
  const isJson = names.includes(`refs(${own}).json`);
  const file = join(root, `refs(${own}).${isJson ? 'json' : 'p'}`);
  if (isJson) return await readJson(file, References);
  const bytes = await readFile(file).catch(() => {
    throw new UsageError(`${file} cannot be read.`);
  });
  try {
    return checked(readPlainPickle(bytes), References, file);
  } catch (error) {
    if (error instanceof PickleError) throw new UsageError(`${file} cannot be read as a pickle: ${error.message}.`);
    throw error;
  }
}
