import { readFile } from 'node:fs/promises';
import type { CocoPhoto, CocoSplit } from '@tessera/evaluation';
import { SeededRandom } from '@tessera/runtime';

const absentNamesPerPhoto = 8;
const absentPhrasesPerPhoto = 8;

export interface CalibrationQuery {
  readonly text: string;
  /** Indices of the classes that the photo shows and the query describes; none for an absent target. */
  readonly targets: readonly number[];
}

/** Phrases that describe an object without naming its class. */
interface Phrases {
  /** By the names of the classes that they describe, joined with `|`. */
  readonly classes: Readonly<Record<string, readonly string[]>>;
  /** Of what no photo shows. */
  readonly nothing: readonly string[];
}

/** Queries by class names and by our training phrases, about what a photo shows and about what it does not. */
export async function calibrationQueries(
  coco: CocoSplit,
  names: readonly string[],
): Promise<(photo: CocoPhoto) => CalibrationQuery[]> {
  const file = new URL('../data/phrases.json', import.meta.url);
  const { classes: byClasses, nothing } = JSON.parse(await readFile(file, 'utf8')) as Phrases;
  const phrases = Object.entries(byClasses).flatMap(([key, texts]) => {
    const classes = key.split('|').map((name) => names.indexOf(name));
    return texts.map((text) => ({ text, classes }));
  });
  return (photo) => {
    const random = new SeededRandom(photo.id);
    const shown = new Set(photo.annotations.map(({ category_id }) => coco.categories.get(category_id)?.name));
    const isShown = (index: number): boolean => shown.has(names[index]);
    const absentNames = [...names.keys()].filter((index) => !isShown(index));
    const absentPhrases = phrases.filter(({ classes }) => !classes.some(isShown)).map(({ text }) => text);
    return [
      ...[...names.keys()].filter(isShown).map((index) => ({ text: names[index] ?? '', targets: [index] })),
      ...random.sample(absentNames, absentNamesPerPhoto).map((index) => ({ text: names[index] ?? '', targets: [] })),
      ...phrases
        .filter(({ classes }) => classes.some(isShown))
        .map(({ text, classes }) => ({ text, targets: classes.filter(isShown) })),
      ...random.sample([...absentPhrases, ...nothing], absentPhrasesPerPhoto).map((text) => ({ text, targets: [] })),
    ];
  };
}
