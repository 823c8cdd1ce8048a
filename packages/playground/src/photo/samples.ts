import type { CompositionWords } from './photo.js';

/** A photo that the page brings with it. Sources and licences: THIRD_PARTY_NOTICES.md. */
export interface Sample {
  readonly file: string;
  readonly title: string;
  readonly alt: string;
  readonly credit: string;
  /** Queries to try; the first is asked at once. */
  readonly suggestions: readonly [string, ...string[]];
  /** Words that the model gets right on the photo; for one of the photos the right answer is that none fits. */
  readonly compositions: CompositionWords;
}

export const samples: readonly Sample[] = [
  {
    file: 'chelsea.jpg',
    title: 'Cat',
    alt: 'A tabby cat that looks at the camera',
    credit: 'Chelsea the cat. Stefan van der Walt, CC0, from scikit-image',
    suggestions: ['the cat', 'the animal that purrs', 'the cup'],
    compositions: { attributes: 'brown, white', objects: 'kitty, puppy' },
  },
  {
    file: 'coffee.jpg',
    title: 'Coffee',
    alt: 'A cup of coffee on a saucer, on a wooden table',
    credit: 'Coffee at Pikolo Espresso Bar. Rachel Michetti, CC0, from scikit-image',
    suggestions: ['the cup', 'something to drink from', 'the dog'],
    compositions: { attributes: 'brown, green', objects: 'coffee, juice' },
  },
  {
    file: 'astronaut.jpg',
    title: 'Astronaut',
    alt: 'An astronaut in an orange suit before a flag and a model of the space shuttle',
    credit: 'Eileen Collins. NASA, public domain, from scikit-image',
    suggestions: ['the person', 'someone who works in space', 'the car'],
    compositions: { attributes: 'furry, wooden', objects: 'dog, table' },
  },
  {
    file: 'camera.jpg',
    title: 'Cameraman',
    alt: 'A man with a camera on a tripod, in black and white',
    credit: 'Cameraman. Lav Varshney, CC0, from scikit-image',
    suggestions: ['the person', 'the person with the camera', 'the dog'],
    compositions: { attributes: 'black, yellow', objects: 'camera, phone' },
  },
];

/** Where the page's files are. */
export function sampleUrl({ file }: Sample): string {
  return `samples/${file}`;
}
