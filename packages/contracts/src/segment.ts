import Type, { type Static } from 'typebox';
import { SegmentPrompts } from './segment-prompts.js';
import { Webhook } from './webhook.js';

/** Smallest and largest values that the contract allows. */
export const segmentLimits = { queryCharacters: 512, queries: 16, tolerancePixels: 100 } as const;

/** Of polygons, in pixels, where the request names none: docs/decisions/0010-polygons-within-a-pixel.md. */
export const defaultTolerancePixels = 1;

const strict = { additionalProperties: false } as const;

/** One schema for both forms, so that a mistake in one of them is not reported for the other. */
const ImageReference = Type.Unsafe<{ id: string } | { url: string }>(
  Type.Object(
    {
      id: Type.Optional(
        Type.String({ pattern: '^sha256:[0-9a-f]{64}$', description: 'An image that was sent before.' }),
      ),
      url: Type.Optional(Type.String({ pattern: '^(https?|data):', description: 'An https URL or a data URL.' })),
    },
    { ...strict, minProperties: 1, maxProperties: 1, description: 'Either `id` or `url`.' },
  ),
);

export const ImageSource = Type.Union(
  [
    // A pattern: for "minLength" the validator counts every character of the base64.
    Type.String({ pattern: '\\S', description: 'Data URL, base64, https URL, or the id of an image sent before.' }),
    ImageReference,
  ],
  {
    description:
      'The image: a data URL, base64, an https URL or the id of an image sent before; `{"url": "https://…"}` and `{"id": "sha256:…"}` say the same.',
  },
);
export type ImageSource = Static<typeof ImageSource>;

const Query = Type.String({
  minLength: 1,
  maxLength: segmentLimits.queryCharacters,
  pattern: '\\S',
  description: 'What to segment, in words.',
});

export const MaskFormat = Type.Enum(['rle', 'rle_uncompressed', 'polygon', 'png'], { default: 'rle' });
export type MaskFormat = Static<typeof MaskFormat>;

export const PictureFormat = Type.Enum(['jpeg', 'png']);
export type PictureFormat = Static<typeof PictureFormat>;

export const PruningMode = Type.Enum(['off', 'csp', 'fastv', 'pyramid', 'cls_topk', 'random'], {
  description:
    'csp: clustering, scattering, pruning. Experimental: fastv, pyramid, cls_topk and random, other methods to compare it with; they may change or be removed in any version.',
  'x-experimental': ['fastv', 'pyramid', 'cls_topk', 'random'],
});
export type PruningMode = Static<typeof PruningMode>;

export const SegmentOptions = Type.Object(
  {
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'A name from /models.' })),
    pruning: Type.Optional(
      Type.Object(
        {
          mode: PruningMode,
          reduction: Type.Optional(
            Type.Number({
              minimum: 0,
              maximum: 0.9,
              description: 'Share of image-token FLOPs to save; by default as much as the model’s own schedule saves.',
            }),
          ),
        },
        {
          ...strict,
          description: 'Token pruning, for models that have image tokens; by default the model’s own schedule.',
        },
      ),
    ),
    output: Type.Optional(
      Type.Object(
        {
          format: Type.Optional(MaskFormat),
          instances: Type.Optional(Type.Boolean({ default: false, description: 'Also one mask per object.' })),
          token_map: Type.Optional(
            Type.Boolean({ default: false, description: 'Also which image tokens each layer saw.' }),
          ),
          tolerance: Type.Optional(
            Type.Number({
              minimum: 0,
              maximum: segmentLimits.tolerancePixels,
              description: `Of the format polygon: contours with fewer points, at most so many pixels away from the exact ones. By default ${defaultTolerancePixels}; 0 gives the exact ones.`,
            }),
          ),
          overlay: Type.Optional(
            Type.Union([Type.Boolean(), PictureFormat], {
              description:
                'Also the photo with the masks drawn over it, as `overlay`: `true` or `jpeg`, or `png`. `Accept: image/png` answers with this picture alone.',
            }),
          ),
        },
        { ...strict },
      ),
    ),
    refine: Type.Optional(
      Type.Boolean({ default: true, description: 'false: a coarse mask from region shapes, faster.' }),
    ),
    threshold: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0.5,
        description: 'Least probability at which a target counts as present.',
      }),
    ),
  },
  { ...strict },
);
export type SegmentOptions = Static<typeof SegmentOptions>;

export const SegmentRequest = Type.Object(
  {
    image: ImageSource,
    query: Type.Optional(Query),
    queries: Type.Optional(
      Type.Array(Query, {
        minItems: 1,
        maxItems: segmentLimits.queries,
        description: 'Several queries: the image is encoded once.',
      }),
    ),
    prompts: Type.Optional(SegmentPrompts),
    ...SegmentOptions.properties,
    webhook: Type.Optional(Webhook),
  },
  { ...strict, description: 'Give one of `query`, `queries` and `prompts`, or one query and `prompts`.' },
);
export type SegmentRequest = Static<typeof SegmentRequest>;

const Size = Type.Tuple([Type.Integer({ minimum: 0 }), Type.Integer({ minimum: 0 })], {
  description: '[height, width]',
});
const BoundingBox = Type.Tuple([Type.Number(), Type.Number(), Type.Number(), Type.Number()], {
  description: '[x, y, width, height]',
});

export const Mask = Type.Union(
  [
    Type.Object(
      { size: Size, counts: Type.String() },
      { description: 'COCO compressed RLE; decodes with pycocotools.' },
    ),
    Type.Object(
      { size: Size, counts: Type.Array(Type.Integer({ minimum: 0 })) },
      { description: 'COCO uncompressed RLE.' },
    ),
    Type.Object(
      { size: Size, polygons: Type.Array(Type.Array(Type.Number())) },
      {
        description:
          'Closed contours as [x1, y1, x2, y2, …]; pixels are filled by the even-odd rule, so holes are contours too.',
      },
    ),
    Type.Object({ size: Size, png: Type.String() }, { description: 'Data URL of a 1-bit greyscale PNG.' }),
  ],
  { description: 'A full-image mask.' },
);
export type Mask = Static<typeof Mask>;

/** What each warning of a segmentation means, by its code. */
export const warningDescriptions = {
  unknown_words: 'words that are not in the model’s vocabulary',
  unknown_thing: 'the query asks for something that the model does not know how to find, so the mask is empty',
  kind_not_told:
    'the model finds the class, but cannot tell the kind that the words name: the mask shows every object of the class',
  part_not_found: 'the query asks for a part of an object, which the model cannot find',
  respelled: 'words with a slip of the fingers, taken for the class in `label`',
  ignored_words: 'known words that the model cannot use',
  negation: 'the query excludes objects in a way that the model cannot follow, so the mask is empty',
  fewer_found: 'the query asks for more objects than were found',
  language: 'the query is in a language that the model does not read',
  unused_points: 'points beside an object that are not on the mask: as many as `count` change nothing',
  uncalibrated_score:
    'the score is the IoU that the mask decoder expects of its mask, not a probability: the model was not calibrated on photos',
  coarse_masks:
    'the mask decoder did not draw every object, because there are more of them than it draws for one query, or because it saw nothing in a box: as many as `count` have a coarse shape',
} as const;

const warningCodes = Object.keys(warningDescriptions) as (keyof typeof warningDescriptions)[];

export const Warning = Type.Object({
  code: Type.Enum(warningCodes, {
    description: `${warningCodes.map((code) => `${code}: ${warningDescriptions[code]}`).join('; ')}.`,
  }),
  words: Type.Array(Type.String(), {
    description:
      'The words of the query that it is about; none for unused_points, uncalibrated_score and coarse_masks.',
  }),
  count: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Of unused_points: how many points. Of coarse_masks: how many objects of the answer.',
    }),
  ),
});
export type Warning = Static<typeof Warning>;

const MaskScore = Type.Number({
  minimum: 0,
  maximum: 1,
  description:
    'The mask decoder’s own estimate of the IoU of mask and object; of several objects the mean, weighted by area. Not a probability. Absent when a mask is empty or has a coarse shape.',
});

export const SegmentInstance = Type.Object({
  mask: Mask,
  bbox: BoundingBox,
  area: Type.Integer({ minimum: 0 }),
  score: Type.Number({
    description: 'Probability that the object is a target; of one that a prompt added, `mask_score`.',
  }),
  label: Type.Optional(
    Type.String({ description: 'Name of the class that it was found as; absent for one that a prompt added.' }),
  ),
  mask_score: Type.Optional(MaskScore),
});
export type SegmentInstance = Static<typeof SegmentInstance>;

/** Names are `clustering`, `scattering`, `pruning`; `full` and `selection` for the other modes. */
const stageFields = {
  name: Type.String(),
  layers: Type.Tuple([Type.Integer(), Type.Integer()], { description: '[first, one past the last]' }),
};

export const TokenStage = Type.Object({
  ...stageFields,
  tokens: Type.Array(Type.Integer({ minimum: 0 }), {
    description: 'Image tokens that these layers saw, ascending: the cells of the grid row by row, then the regions.',
  }),
});
export type TokenStage = Static<typeof TokenStage>;

export const SegmentQueryResult = Type.Object({
  query: Type.Optional(Type.String({ description: 'The query that this answers; absent for a prompt alone.' })),
  prompt: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Index in `prompts` of the prompt that this answers, without a query.' }),
  ),
  present: Type.Boolean(),
  score: Type.Number({
    description:
      'Calibrated probability that the query has a target. Of a prompt alone: the IoU of the mask with the object, as the model predicts it; not a probability.',
  }),
  label: Type.Optional(
    Type.String({
      description:
        'Names of the classes that the objects were found as, joined by ", "; of an answer without objects, of the classes that the query names. Absent for a prompt alone, and when no class was matched.',
    }),
  ),
  mask_score: Type.Optional(MaskScore),
  mask: Mask,
  bbox: BoundingBox,
  area: Type.Integer({ minimum: 0 }),
  instances: Type.Optional(Type.Array(SegmentInstance)),
  token_map: Type.Optional(
    Type.Array(TokenStage, {
      description:
        'Which image tokens the model saw, with `output.token_map`; of a query that is answered part by part, for its first part.',
    }),
  ),
  warnings: Type.Array(Warning),
});
export type SegmentQueryResult = Static<typeof SegmentQueryResult>;

export const PruningReport = Type.Object(
  {
    mode: PruningMode,
    stages: Type.Array(
      Type.Object({
        ...stageFields,
        image_tokens: Type.Integer({ description: 'Image tokens that enter each of these layers.' }),
      }),
    ),
    average_image_tokens: Type.Number({ description: 'Per layer.' }),
    image_tokens: Type.Integer({ description: 'Image tokens of a layer without pruning.' }),
    flops_reduction: Type.Number({
      description:
        'Share of image-token FLOPs that this saved; less than requested when the model cannot save as much.',
    }),
  },
  {
    description:
      'What the image tokens of the queries took. Absent for a model without image tokens, for prompts alone, and when no query came as far as them: the warnings of each say why.',
  },
);
export type PruningReport = Static<typeof PruningReport>;

/** Where the image tokens of a model are in an image. */
export const TokenLayout = Type.Object({
  grid: Type.Tuple([Type.Integer(), Type.Integer()], { description: '[rows, columns] of the cells, the first tokens' }),
  regions: Type.Array(BoundingBox, { description: 'Boxes of the tokens after the cells.' }),
});
export type TokenLayout = Static<typeof TokenLayout>;

/** Longest side of an overlay, in pixels. */
export const overlayLongestSide = 2048;

export const Overlay = Type.Object({
  image: Type.String({ description: 'Data URL of the picture, a JPEG or a PNG.' }),
  width: Type.Integer({ minimum: 1, description: 'Of the picture, in pixels.' }),
  height: Type.Integer({ minimum: 1, description: 'Of the picture, in pixels.' }),
  colours: Type.Array(Type.String({ pattern: '^#[0-9a-f]{6}$' }), {
    description: 'The colour of each result, in their order.',
  }),
});
export type Overlay = Static<typeof Overlay>;

export const SegmentResponse = Type.Object({
  id: Type.String(),
  model: Type.String({ description: 'name@version' }),
  image: Type.Object({ id: Type.String(), width: Type.Integer(), height: Type.Integer() }),
  results: Type.Array(SegmentQueryResult),
  pruning: Type.Optional(PruningReport),
  token_layout: Type.Optional(TokenLayout),
  overlay: Type.Optional(Overlay),
  timings_ms: Type.Record(Type.String(), Type.Number(), { description: 'Milliseconds per stage, and `total`.' }),
});
export type SegmentResponse = Static<typeof SegmentResponse>;
