import type { ClassDetectorSegmenter, Evidence } from '@tessera/segmentation';
import type { CocoPhoto, CocoSplit } from './coco-split.js';
import { loadPhrases } from './query-set.js';
import { SeededRandom } from './seeded-random.js';

const absentNamesPerPhoto = 8;
const absentPhrasesPerPhoto = 8;

export interface CalibrationQuery {
  readonly text: string;
  /** Indices of the classes that the photo shows and the query means; none for an absent target. */
  readonly targets: readonly number[];
}

/** A training photo with queries about what it shows and what it does not, and what the pipeline makes of them. */
export interface PhotoEvidence {
  readonly photo: CocoPhoto;
  readonly queries: readonly CalibrationQuery[];
  readonly evidence: Evidence;
}

/** Asks about every photo of the training split, by class names and by our training phrases. */
export async function gatherEvidence(
  segmenter: ClassDetectorSegmenter,
  coco: CocoSplit,
  names: readonly string[],
): Promise<PhotoEvidence[]> {
  const { train, nothing } = await loadPhrases();
  const phrases = Object.entries(train).flatMap(([key, texts]) => {
    const classes = key.split('|').map((name) => names.indexOf(name));
    return texts.map((text) => ({ text, classes }));
  });
  const photos: PhotoEvidence[] = [];
  for (const photo of coco.photos) {
    const random = new SeededRandom(photo.id);
    const shown = new Set(photo.annotations.map(({ category_id }) => coco.categories.get(category_id)?.name));
    const isShown = (index: number): boolean => shown.has(names[index]);
    const absentNames = [...names.keys()].filter((index) => !isShown(index));
    const absentPhrases = phrases.filter(({ classes }) => !classes.some(isShown)).map(({ text }) => text);
    const queries = [
      ...[...names.keys()].filter(isShown).map((index) => ({ text: names[index] ?? '', targets: [index] })),
      ...random.sample(absentNames, absentNamesPerPhoto).map((index) => ({ text: names[index] ?? '', targets: [] })),
      ...phrases
        .filter(({ classes }) => classes.some(isShown))
        .map(({ text, classes }) => ({ text, targets: classes.filter(isShown) })),
      ...random
        .sample([...absentPhrases, ...nothing.train], absentPhrasesPerPhoto)
        .map((text) => ({ text, targets: [] })),
    ];
    const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
    const texts = queries.map(({ text }) => text);
    photos.push({ photo, queries, evidence: await segmenter.evidence(image, texts) });
  }
  return photos;
}
