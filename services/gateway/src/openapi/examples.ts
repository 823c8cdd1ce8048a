/** A red ball on a meadow, 96 × 64 pixels: small enough to stand in the documentation, and a real image. */
const exampleImage = `data:image/png;base64,${[
  'iVBORw0KGgoAAAANSUhEUgAAAGAAAABABAMAAAAXGm89AAAAMFBMVEXkVy5qn1i/4PXeXTTB2erdc1d5llPhYz+wdkDFy9bJZzfMsbDWjHvWjn7T',
  'l4qUh0rBFz+PAAAACXBIWXMAAAsTAAALEwEAmpwYAAAA9UlEQVRIx2NQIhEwjGoY1TCqYVQDLuB9tIA9dgvxGuYYMAAB80liNfgxQMET4jRoBsA0',
  'sDoRpWE6AxxUEqNBswChgd2JCA2uDEgghAgND5A18BHWoImsnoHZiaAGHRQNDJcIanBG1WBCUMMGVA3cBDUcQNXAS1BDAKoGVoIaClA1sBPUgKqe',
  'gZn6Gkh2EsmevkBqsJIccXiShiBWIIGqoREhg0ODGKqGRIIaBBuQ1XMIEtYghaxhIREaxAyQ4jmRCA2CyQgNZoLEaBBbAFPPlUiUBkEJA8wwxatB',
  'MANSGLcJEqtBUL7LgHnFR0HiNWAFoxqGqAYA0zFAS5+3KZYAAAAASUVORK5CYII=',
].join('')}`;

/** The id that {@link exampleImage} gets. */
const exampleImageId = 'sha256:01a383331ad1a8efe246a7050fbd606b7d0f9a3096b8d5fefc0c84cb70e815e0';

/** Request bodies of `POST /images`. */
export const imageExamples = {
  bytes: { summary: 'A data URL', value: { image: exampleImage } },
  url: { summary: 'An image on the web', value: { image: 'https://images.example.org/street.jpg' } },
} as const;

/** What `POST /images` answers to the first of them. */
export const imageAnswer = { id: exampleImageId, width: 96, height: 64, ttl_s: 86_400 };

/** Request bodies of `POST /segment`, offered by the documentation page. */
export const segmentExamples = {
  one_query: {
    summary: 'One query',
    value: { image: exampleImage, query: 'the red ball' },
  },
  several_queries: {
    summary: 'Several queries, polygons and instances',
    value: {
      image: exampleImage,
      queries: ['the ball', 'the meadow'],
      output: { format: 'polygon', instances: true },
    },
  },
  coarse: {
    summary: 'A coarse mask, faster',
    value: { image: exampleImage, query: 'the red ball', refine: false, threshold: 0.3 },
  },
  prompts: {
    summary: 'A box and a click in place of a query',
    value: {
      image: exampleImage,
      prompts: [{ box: [42, 20, 36, 36] }, { points: [{ x: 10, y: 50, label: 1 }] }],
    },
  },
  correction: {
    summary: 'A query whose answer a click corrects',
    value: { image: exampleImage, query: 'the red ball', prompts: [{ points: [{ x: 46, y: 52, label: 0 }] }] },
  },
  url: {
    summary: 'An image on the web',
    value: { image: 'https://images.example.org/street.jpg', query: 'the bus on the left' },
  },
  stored: {
    summary: 'An image sent before',
    value: { image: { id: exampleImageId }, query: 'the red ball' },
  },
} as const;

/** What `POST /segment` answers to the first of them; the mask is the ball's. */
export const segmentAnswer = {
  id: '0b5cfa22-3f6c-4b1c-9f0e-3c1f4a1de0a7',
  model: 'tessera-mini@1',
  image: { id: exampleImageId, width: 96, height: 64 },
  results: [
    {
      query: 'the red ball',
      present: true,
      score: 0.93,
      label: 'sports ball',
      mask_score: 0.96,
      mask: {
        size: [64, 96],
        counts: 'Ri28e16K4M2N2N2N2N2O0O2O000O2O00000000000001N10001N101N2N2N2N2N3L5JQW1',
      },
      bbox: [44, 22, 32, 32],
      area: 812,
      warnings: [],
    },
  ],
  timings_ms: { queue: 1.2, decode: 3.1, total: 146.1 },
};

/** Request bodies of `POST /classify-composition`. */
export const classifyExamples = {
  inline_vocabulary: {
    summary: 'All pairs of a vocabulary',
    value: {
      image: exampleImage,
      vocabulary: { attributes: ['red', 'blue'], objects: ['ball', 'car'] },
      top_k: 3,
    },
  },
  pairs: {
    summary: 'Chosen pairs, several attributes, sums per word',
    value: {
      image: exampleImage,
      vocabulary: { attributes: ['small', 'red', 'blue'], objects: ['ball', 'car'] },
      pairs: [
        ['small', 'red', 'ball'],
        ['red', 'ball'],
        ['blue', 'car'],
      ],
      marginals: true,
    },
  },
  trained_vocabulary: {
    summary: 'A trained vocabulary, pairs that it has not seen included',
    value: { image: exampleImage, vocabulary: 'apparel', world: 'open', unseen_bias: 2 },
  },
} as const;

/** What `POST /classify-composition` answers to the first of them. */
export const classifyAnswer = {
  id: '4f0e2f6e-0d0f-4f0c-8f5e-7c1d5a2b9e31',
  model: 'tessera-dual@1',
  results: [
    {
      index: 0,
      predictions: [
        {
          label: 'red ball',
          attributes: ['red'],
          object: 'ball',
          score: 0.81,
          logit: 24.8,
          seen: false,
          sources: { attributes: ['pretrained'], object: 'pretrained' },
        },
      ],
      none: 0.12,
    },
  ],
  candidates: { count: 4, excluded: 0 },
  calibration: { unseen_bias: 0, logit_scale: 100 },
  warnings: [],
  timings_ms: { queue: 1.1, decode: 2.9, vision: 14.2, text: 9.3, scoring: 0.1, total: 29.7 },
};

/** Request bodies of `POST /vocabularies`. */
export const trainingExamples = {
  inline: {
    summary: 'A handful of images',
    value: {
      name: 'balls',
      method: 'csp',
      recipe: { epochs: 2 },
      replace: true,
      examples: [
        { image: exampleImage, attributes: 'red', object: 'ball' },
        { image: exampleImage, attributes: 'green', object: 'meadow' },
      ],
    },
  },
} as const;

/** What `POST /vocabularies` answers. */
export const trainingAnswer = {
  id: 'training-9d0c3c44-1f0b-4d54-a3a5-0a4b6e2f8d10',
  status: 'queued',
  position: 0,
  created_at: '2026-11-22T18:00:00.000Z',
};
