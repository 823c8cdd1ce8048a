import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { UsageError } from '../command-errors.js';
import { groupedBy, Instances, targetOf } from './coco-annotations.js';
import { readJson } from './read-data.js';
import type { LabelledQuery, QueriedImage, SegmentationSet } from './segmentation-set.js';

const References = Type.Array(
  Type.Object({
    ann_id: Type.Integer(),
    image_id: Type.Integer(),
    split: Type.String(),
    sentences: Type.Array(Type.Object({ sent: Type.String() }), { minItems: 1 }),
  }),
);

/**
 * RefCOCO, RefCOCO+ and RefCOCOg (Kazemzadeh et al., 2014; Yu et al., 2016) in the layout of `refer`: every sentence about
 * an object is asked. The references come as a Python pickle, which only Python reads.
 */
export const refCoco: SegmentationSet = {
  layout: '<root>/refs(unc).json and <root>/instances.json, images in <root>/../images/mscoco/images/train2014/',
  defaultSplit: 'val',
  async open({ root, split = 'val', images: directory = join(root, '..', 'images/mscoco/images/train2014') }) {
    const all = await readJson(join(root, await referencesFile(root)), References);
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

/** @throws UsageError when there is not exactly one, with the command that makes it */
async function referencesFile(root: string): Promise<string> {
  const names = await readdir(root).catch(() => {
    throw new UsageError(`There is no directory ${root}.`);
  });
  const [found, ...others] = names.filter((name) => /^refs\(.+\)\.json$/.test(name));
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined) {
    throw new UsageError(`${root} has ${[found, ...others].join(' and ')}; leave the one to evaluate on.`);
  }
  const pickle = names.find((name) => /^refs\(.+\)\.p$/.test(name));
  if (pickle === undefined)
    throw new UsageError(`${root} has no refs(….json); --root is a directory as refer/data/refcoco.`);
  const converted = pickle.replace(/p$/, 'json');
  throw new UsageError(
    `${join(root, pickle)} is a Python pickle. It can hold any code, so this command does not read it; convert it if you trust its source:\n` +
      `  cd '${root}' && python3 -c "import json, pickle; json.dump(pickle.load(open('${pickle}', 'rb')), open('${converted}', 'w'))"`,
  );
}
