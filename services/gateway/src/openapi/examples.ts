/**
 * A cup of coffee, 96 × 64 pixels: small enough to stand in the documentation, and a photo in which the models find
 * something. From the playground's sample of the same name.
 */
export const exampleImage = `data:image/webp;base64,${[
  'UklGRkoDAABXRUJQVlA4ID4DAADwEwCdASpgAEAAPxF+tFUsJ6SjKBVbiYAiCWoAxfv3D+CaPzbeTnqnJWADMDvd9NprgDf/RTbsXW7m4q2zDL5QaRLq',
  'Mu7Hbjq0k/aX6gE4A2smcIvvpqTuVo2omIRremFefcgEyZ9Xkf616QhFXegSPSmG1DoNReBOyCmdvQUySSX5Hgk/h/3ew++tQh2/5rzAnruSWHW2LlxI',
  'nqwzxOXnge+YI4/ztgAA/vhNB1HUcIWGoOzVAOylpg1ZlqkO5oOznCMZ3l1iRLHMnerHRR7SOqJuGSEar977teTD6B11kdk8tuPkVWLzjR61O0H7YIz5',
  'lBV8YgnS4fICwZYOj298sRRVwyS3Dd2pbIqitgfjdta5TjaR1VMRb4CnHqzNtUkIecgTmLDZYNV1gEeuniZHUsESQbh6/eZt1IOROwRzXxvRr286hqMU',
  'YRqk9fARnCFfwF39dEZY++jeYJm0FGMrP3V9qCZNs8/g12iEhfoJvrgHpKnFwFmKClIAp8P0Fdy63uVHZoiF+iQYd5bHilrQ51d7j3emGY65M0fmyhoN',
  'N3dHjSUuSzpqb7OJu5yQ+XaQJ0ppqnca9G1c+T4KONt1mcZH4UPz03ZD1ytJ4B2pGWU9Cm7/sQNbnHSLjTlr/+nJaX+s/fmZS6czQpiWFLofif3Kk9Dp',
  'C2s3tun0D6G7FsQOOKZPUScJAcFdfD5Iqf5S4GZ/I3tCFbpIDUkErjjPEBEB/luhkPhz8Bi5V7Kg3OaKQaJo8BUo00mZjjMpduVirwcyoay1GqqL8tTL',
  'm1UHazqDiF4w8PE0nGr6CuwmeZJqHa8UKZQz+g/+Y3O1mbYFfQLLUn9fbGtbac1X+62oT+X5XOAGJFX3im/NgmR5v9wc3ZGoagOV4g58it+k+e342MTY',
  '7WBbLeITwBjSOiQm20jV9RatsJ/cRFWKhGNeCCre6aZnMvOqpWq1SjyWCG46MuDZwZbo9epHu7LTSGFM+cu0bpq3BlQGMIGMzXqCNIelN1kcfeeIefpu',
  'dyICCrGCPTHOKhwGgGdkHFq+mZFq51mk3nW/UZJuVyTYCJnZ65M9tLQN+/PAq1DdXW93+173Dl5uaBYNizGMZpQAAA==',
].join('')}`;

/** The id that {@link exampleImage} gets. */
const exampleImageId = 'sha256:2f297f5a11c9f28c320d7637c4f2ccfe47c8924c83635db30186e40cc0174471';

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
    value: { image: exampleImage, query: 'the cup' },
  },
  several_queries: {
    summary: 'Several queries, polygons and instances',
    value: {
      image: exampleImage,
      queries: ['the cup', 'the table'],
      output: { format: 'polygon', instances: true },
    },
  },
  coarse: {
    summary: 'A coarse mask, faster',
    value: { image: exampleImage, query: 'the cup', refine: false, threshold: 0.3 },
  },
  prompts: {
    summary: 'A box and a click in place of a query',
    value: {
      image: exampleImage,
      prompts: [{ box: [27, 2, 42, 51] }, { points: [{ x: 8, y: 10, label: 1 }] }],
    },
  },
  correction: {
    summary: 'A query whose answer a click corrects',
    value: { image: exampleImage, query: 'the cup', prompts: [{ points: [{ x: 64, y: 40, label: 0 }] }] },
  },
  url: {
    summary: 'An image on the web',
    value: { image: 'https://images.example.org/street.jpg', query: 'the bus on the left' },
  },
  stored: {
    summary: 'An image sent before',
    value: { image: { id: exampleImageId }, query: 'the cup' },
  },
} as const;

/** What `POST /segment` answers to the first of them; the mask is the cup's. */
export const segmentAnswer = {
  id: '0b5cfa22-3f6c-4b1c-9f0e-3c1f4a1de0a7',
  model: 'tessera-mini@1',
  image: { id: exampleImageId, width: 96, height: 64 },
  results: [
    {
      query: 'the cup',
      present: true,
      score: 0.97,
      label: 'cup',
      mask_score: 0.89,
      mask: {
        size: [64, 96],
        counts:
          '^Q17d17M2M4J5N2N2O0N3O0O2O0]O[OJf05c0O010O2N0010001N011O0O100000000000000000000001O00001O001N20O10K5O1nNCD1M0b0?IGGJ?a0FHJH`0b0@3<?FkNL0=a1N6JL37H30`^1',
      },
      bbox: [16, 3, 56, 61],
      area: 2432,
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
      vocabulary: { attributes: ['ceramic', 'furry'], objects: ['cup', 'cat'] },
      top_k: 3,
    },
  },
  pairs: {
    summary: 'Chosen pairs, several attributes, sums per word',
    value: {
      image: exampleImage,
      vocabulary: { attributes: ['white', 'ceramic', 'furry'], objects: ['cup', 'cat'] },
      pairs: [
        ['white', 'ceramic', 'cup'],
        ['ceramic', 'cup'],
        ['furry', 'cat'],
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
          label: 'ceramic cup',
          attributes: ['ceramic'],
          object: 'cup',
          score: 0.58,
          logit: 5.48,
          seen: false,
          sources: { attributes: ['pretrained'], object: 'pretrained' },
        },
      ],
      none: 0.47,
    },
  ],
  candidates: { count: 4, excluded: 0 },
  calibration: { unseen_bias: 0, logit_scale: 20.3 },
  warnings: [],
  timings_ms: { queue: 1.1, decode: 2.9, vision: 14.2, text: 9.3, scoring: 0.1, total: 29.7 },
};

/** Request bodies of `POST /vocabularies`. */
export const trainingExamples = {
  inline: {
    summary: 'A handful of images',
    value: {
      name: 'things',
      method: 'csp',
      recipe: { epochs: 2 },
      replace: true,
      examples: [
        { image: exampleImage, attributes: 'ceramic', object: 'cup' },
        { image: exampleImage, attributes: 'wooden', object: 'table' },
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

const labelConfig = `<View>
  <Image name="image" value="$image"/>
  <BrushLabels name="brush" toName="image"><Label value="cup"/><Label value="table"/></BrushLabels>
  <KeyPointLabels name="point" toName="image" smart="true"><Label value="cup"/></KeyPointLabels>
</View>`;
const tasks = [{ data: { image: exampleImage } }];

/** Request bodies of `POST /label-studio/predict`. */
export const predictExamples = {
  labels: { summary: 'All labels of the configuration', value: { label_config: labelConfig, tasks } },
  click: {
    summary: 'A click with a smart tool',
    value: {
      label_config: labelConfig,
      tasks,
      params: {
        context: {
          result: [
            {
              type: 'keypointlabels',
              from_name: 'point',
              is_positive: true,
              value: { x: 50, y: 40, width: 0.5, keypointlabels: ['cup'] },
            },
          ],
        },
      },
    },
  },
} as const;

/** Request bodies of `POST /label-studio/setup`. */
export const setupExamples = {
  brushes: { summary: 'A configuration with brushes', value: { schema: labelConfig } },
} as const;

/** Request bodies of `POST /v2/models/{name}/infer`, for a model that segments. */
export const inferenceExamples = {
  segmentation: {
    summary: 'A query to a model that segments',
    value: {
      inputs: [
        { name: 'image', shape: [1], datatype: 'BYTES', data: [exampleImage] },
        { name: 'query', shape: [1], datatype: 'BYTES', data: ['the cup'] },
      ],
      outputs: [{ name: 'rle' }, { name: 'present' }, { name: 'score' }, { name: 'label' }],
    },
  },
} as const;
