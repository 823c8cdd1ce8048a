import { loadCocoSplit, type CocoAnnotation, type CocoPhoto, type CocoSplit, type Split } from './coco-split.js';
import { contextQueries } from './context-queries.js';
import {
  loadPhrases,
  loadRejections,
  type PhotoQueries,
  type Phrases,
  type Query,
  type Rejection,
} from './query-set.js';
import { SeededRandom } from './seeded-random.js';
import { thingOf } from './thing.js';

const maximumPerPhoto = { class: 5, position: 2, size: 1, reasoning: 2, absent: 3 } as const;

/** Two things are to the left and right of each other when their centres are this share of the width apart. */
const clearDistance = 0.15;
const clearAreaRatio = 1.5;

/** Stuff that a class name could mean as well, so that the class is not called absent beside it. */
const lookalikes: Readonly<Record<string, readonly string[]>> = {
  'dining table': ['table-merged', 'counter'],
  'potted plant': ['flower', 'tree-merged'],
  banana: ['fruit'],
  apple: ['fruit'],
  orange: ['fruit'],
  cake: ['food-other-merged'],
  sandwich: ['food-other-merged'],
  pizza: ['food-other-merged'],
  broccoli: ['food-other-merged'],
  carrot: ['food-other-merged'],
  'hot dog': ['food-other-merged'],
  donut: ['food-other-merged'],
  bench: ['table-merged'],
};

/** The context queries have a series of their own, so that the first ones stay as they are. */
const contextSeed = 1_000_000;

/** The queries about every photo of a split, the same on every call. */
export async function generateQuerySet(split: Split): Promise<PhotoQueries[]> {
  const phrases = await loadPhrases();
  const rejections = await loadRejections();
  const coco = await loadCocoSplit(split);
  return coco.photos.map((photo) => photoQueries(coco, split, photo, phrases, rejections));
}

function photoQueries(
  coco: CocoSplit,
  split: Split,
  photo: CocoPhoto,
  allPhrases: Phrases,
  rejections: readonly Rejection[],
): PhotoQueries {
  const random = new SeededRandom(photo.id);
  const nameOf = ({ category_id }: CocoAnnotation): string => coco.categories.get(category_id)?.name ?? '';
  const inClass = (name: string, crowd: 0 | 1): CocoAnnotation[] =>
    photo.annotations.filter((annotation) => nameOf(annotation) === name && annotation.iscrowd === crowd);
  const query = (kind: Query['kind'], text: string, names: readonly string[], targets: CocoAnnotation[]): Query => ({
    text,
    kind,
    set: 'first',
    annotations: targets.map(({ id }) => id),
    ignored: names.flatMap((name) => inClass(name, 1)).map(({ id }) => id),
  });

  const things = [...coco.categories.values()].filter(({ isthing }) => isthing === 1).map(({ name }) => name);
  const shown = new Set(photo.annotations.map(nameOf));
  const present = things.filter((name) => inClass(name, 0).length > 0);
  const absent = things.filter((name) => ![name, ...(lookalikes[name] ?? [])].some((other) => shown.has(other)));

  const byClass = present.map((name) =>
    query('class', random.next() < 0.5 ? name : `the ${name}`, [name], inClass(name, 0)),
  );
  const byPosition = present.flatMap((name) => {
    const target = clearlyOutermost(inClass(name, 0), photo.width);
    return target === undefined ? [] : [query('position', `the ${name} on the ${target.side}`, [name], [target.thing])];
  });
  const bySize = present.flatMap((name) => {
    const target = clearlyLargest(inClass(name, 0));
    return target === undefined ? [] : [query('size', `the largest ${name}`, [name], [target])];
  });
  const byPhrase = Object.entries(allPhrases[split]).flatMap(([key, texts]) => {
    const names = key.split('|');
    const targets = names.flatMap((name) => inClass(name, 0));
    return targets.length === 0 ? [] : random.sample(texts, 1).map((text) => query('reasoning', text, names, targets));
  });
  const absentPhrases = Object.entries(allPhrases[split])
    .filter(([key]) => key.split('|').every((name) => absent.includes(name)))
    .flatMap(([, texts]) => texts);
  const absentQueries = [
    ...random.sample(absent, 2).map((name) => query('absent', `the ${name}`, [name], [])),
    ...random.sample([...absentPhrases, ...allPhrases.nothing[split]], 1).map((text) => query('absent', text, [], [])),
  ];
  return {
    photo: photo.id,
    queries: [
      ...random.sample(byClass, maximumPerPhoto.class),
      ...random.sample(byPosition, maximumPerPhoto.position),
      ...random.sample(bySize, maximumPerPhoto.size),
      ...random.sample(byPhrase, maximumPerPhoto.reasoning),
      ...absentQueries.slice(0, maximumPerPhoto.absent),
      ...acceptedContextQueries(),
    ],
  };

  function acceptedContextQueries(): Query[] {
    const rejected = rejections.filter((rejection) => rejection.photo === photo.id);
    const usable = present.filter(
      (name) => inClass(name, 1).length === 0 && !rejected.some(({ classes }) => classes?.includes(name)),
    );
    const classes = usable.map((name) => ({
      name,
      things: inClass(name, 0).map((annotation) => thingOf(photo, annotation)),
    }));
    const queries = contextQueries({ classes, absent }, new SeededRandom(contextSeed + photo.id));
    return queries.filter(({ text }) => !rejected.some(({ texts }) => texts?.includes(text)));
  }
}

function clearlyOutermost(
  things: readonly CocoAnnotation[],
  width: number,
): { side: 'left' | 'right'; thing: CocoAnnotation } | undefined {
  const centre = ({ bbox }: CocoAnnotation): number => (bbox[0] + bbox[2] / 2) / width;
  const sorted = [...things].sort((a, b) => centre(a) - centre(b));
  const [first, second] = sorted;
  const [last, beforeLast] = [sorted.at(-1), sorted.at(-2)];
  if (first && second && centre(second) - centre(first) >= clearDistance) return { side: 'left', thing: first };
  if (last && beforeLast && centre(last) - centre(beforeLast) >= clearDistance) return { side: 'right', thing: last };
  return undefined;
}

function clearlyLargest(things: readonly CocoAnnotation[]): CocoAnnotation | undefined {
  const [first, second] = [...things].sort((a, b) => b.area - a.area);
  return first && second && first.area >= clearAreaRatio * second.area ? first : undefined;
}
