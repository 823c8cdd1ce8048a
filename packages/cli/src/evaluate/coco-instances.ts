import { join } from 'node:path';
import { groupedBy, Instances, targetOf, type InstanceAnnotation } from './coco-annotations.js';
import { readJson } from './read-data.js';
import type { LabelledQuery, QueriedImage, SegmentationSet } from './segmentation-set.js';
import { UsageError } from '../command-errors.js';

/**
 * COCO (Lin et al., 2014): each category that an image has is asked for by its name; all its objects are the target, and
 * regions with many of them in one annotation are not judged.
 */
export const cocoInstances: SegmentationSet = {
  layout: '<root>/annotations/instances_<split>.json, images in <root>/<split>/',
  defaultSplit: 'val2017',
  async open({ root, split = 'val2017', images: directory = join(root, split) }) {
    const file = join(root, 'annotations', `instances_${split}.json`);
    const { images, annotations, categories = [] } = await readJson(file, Instances);
    const names = new Map(categories.map(({ id, name }) => [id, name]));
    const ofImage = groupedBy(annotations, ({ image_id: image }) => image);
    return images
      .toSorted((one, other) => one.id - other.id)
      .map(({ id, file_name: name }): QueriedImage => {
        const ofCategory = groupedBy(ofImage.get(id) ?? [], ({ category_id: category }) => category);
        const queries = [...ofCategory].flatMap(([category, parts]) => {
          const text = names.get(category);
          if (text === undefined)
            throw new UsageError(`${file} has an annotation of category ${category}, and no such category.`);
          return queryFor(text, parts);
        });
        return { image: join(directory, name), queries };
      })
      .filter(({ queries }) => queries.length > 0);
  },
};

/** None for a category of which there are only crowds. */
function queryFor(text: string, parts: readonly InstanceAnnotation[]): LabelledQuery[] {
  const [objects, crowds] = [parts.filter((part) => part.iscrowd !== 1), parts.filter((part) => part.iscrowd === 1)];
  if (objects.length === 0) return [];
  return [{ text, target: (height, width) => targetOf(objects, crowds, height, width) }];
}
