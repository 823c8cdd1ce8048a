import type { Mask, SegmentResponse } from '@tessera/client';

/** COCO's format of annotations; every query is a category, every object that was found an annotation. */
interface CocoDocument {
  readonly info: { readonly description: string };
  readonly images: {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly categories: { readonly id: number; readonly name: string; readonly supercategory: string }[];
  readonly annotations: CocoAnnotation[];
}

interface CocoAnnotation {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  /** Compressed RLE. */
  readonly segmentation: Mask;
  /** In pixels. */
  readonly area: number;
  /** `[x, y, width, height]` in pixels. */
  readonly bbox: readonly [number, number, number, number];
  readonly iscrowd: 0;
  /** Probability that the object is what was asked for. */
  readonly score: number;
  /** The class that it was found as. */
  readonly label?: string;
}

/**
 * The answers about the images of a directory as COCO annotations, numbered from 1.
 *
 * @param categories - names, one per result of an answer
 * @param answers - by the paths of the images; left out where there is none
 */
export function cocoDocument(
  categories: readonly string[],
  answers: readonly (readonly [path: string, answer: SegmentResponse | undefined])[],
): CocoDocument {
  const document: CocoDocument = {
    info: { description: 'Masks found by Tessera' },
    images: [],
    categories: categories.map((name, index) => ({ id: index + 1, name, supercategory: 'query' })),
    annotations: [],
  };
  for (const [path, answer] of answers) {
    if (answer === undefined) continue;
    const { width, height } = answer.image;
    const imageId = document.images.length + 1;
    document.images.push({ id: imageId, file_name: path, width, height });
    for (const [index, result] of answer.results.entries()) {
      // A prompt's answer is one object.
      const objects = result.instances ?? (result.present ? [result] : []);
      for (const { mask, area, bbox, score, label } of objects) {
        document.annotations.push({
          id: document.annotations.length + 1,
          image_id: imageId,
          category_id: index + 1,
          segmentation: mask,
          area,
          bbox,
          iscrowd: 0,
          score,
          ...(label === undefined ? {} : { label }),
        });
      }
    }
  }
  return document;
}
